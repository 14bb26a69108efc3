"""Logins from a file: who there is, whether a password is right, and how one is set.

argon2-cffi lives here only.
"""

from rorpost_gateway.logins.change import PasswordRefused, set_password
from rorpost_gateway.logins.passwords import CheckingPool, Logins
from rorpost_gateway.logins.users import User, Users, load_users

__all__ = [
    "CheckingPool",
    "Logins",
    "PasswordRefused",
    "User",
    "Users",
    "load_users",
    "set_password",
]
