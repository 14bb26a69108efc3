"""Whether a password is right: argon2id, off the event loop, bounded, and equally slow for everyone.

An unknown login costs what a known one costs, so that answering times do not tell
which logins exist. One pool serves the whole process, whatever users are in force.
RFC 9106 (Argon2).
"""

import asyncio
import base64
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import argon2

from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import LoginsBusy
from rorpost_gateway.logins.users import Users

WORKERS = 2
WAITING = 32

# OWASP's choice for servers: some 20 ms and 19 MiB a login, one thread, so that guessing
# passwords cannot starve the messages.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class CheckingPool:
    """Threads that check passwords; at most `waiting` more logins than there are threads."""

    def __init__(self, *, workers: int = WORKERS, waiting: int = WAITING) -> None:
        self._workers = workers
        self._room = threading.BoundedSemaphore(workers + waiting)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._workers, thread_name_prefix="login")

    async def matches(self, password_hash: str, password: bytes) -> bool:
        """Raises LoginsBusy rather than keeping more logins waiting."""
        if not self._room.acquire(blocking=False):
            raise LoginsBusy("too many logins at once")
        checking = self._threads.submit(_matches, password_hash, password)
        # Room comes back when the thread is done, not when the client has gone away.
        checking.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(checking)

    def close(self) -> None:
        self._threads.shutdown()


_POOL = CheckingPool()


class Logins:
    """The logins in force; a reload makes a new one. None is the same as no users."""

    def __init__(self, users: Users | None, *, pool: CheckingPool = _POOL) -> None:
        self._users = users or Users()
        self._pool = pool

    def knows(self, name: str) -> bool:
        return self._users.find(name) is not None

    async def verify(self, name: str, password: bytes) -> Login | None:
        """The login, if `password` (UTF-8) is the right one. Raises LoginsBusy."""
        user = self._users.find(name)
        password_hash = user.password_hash if user else self._nobodys_hash
        right = await self._pool.matches(password_hash, password)
        return user.login if user and right else None

    @cached_property
    def _nobodys_hash(self) -> str:
        """A hash that no password has, with the cost of the file's own."""
        costs = (user.password_hash for user in self._users.by_name.values())
        head = next(costs, _DEFAULT_COST).split("$")[:4]
        return "$".join([*head, _random_base64(16), _random_base64(32)])


_DEFAULT_COST = f"$argon2id$v=19$m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"


def _random_base64(octets: int) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode("ascii").rstrip("=")


def _matches(password_hash: str, password: bytes) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
