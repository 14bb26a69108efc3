"""The users file: login → password hash, address, aliases.

    anna.berg:
      password: "$argon2id$…"
      address: anna.berg@motala.se
      aliases: [anna@motala.se]

Login names are compared without regard to case. An address or alias belongs to one
login alone, since it is what a sending user is checked against.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rorpost_gateway.address import parse_address
from rorpost_gateway.decision import Position
from rorpost_gateway.document import Findings, Node, Section, parse_file, shown
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import AddressMalformed

NAME_CHARACTERS = 254
# Argon2id in the form of its reference library; the bounds keep one login from taking the machine.
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[1-9][0-9]{0,5},t=[1-9][0-9]?,p=[1-8]\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


@dataclass(frozen=True, kw_only=True)
class User:
    login: Login
    password_hash: str = field(repr=False)  # argon2id


@dataclass(frozen=True, kw_only=True)
class Users:
    """Every user by folded login name."""

    by_name: Mapping[str, User] = field(default_factory=dict)

    def find(self, name: str) -> User | None:
        return self.by_name.get(fold(name))


def fold(name: str) -> str:
    """A login name as it is compared."""
    return name.casefold()


def load_users(path: Path) -> Users:
    """Raises DocumentInvalid (a ConfigurationInvalid) with every finding, file, line and column."""
    findings = Findings(quotable=False)  # nobody prints a line with a password in it
    users = read_users(parse_file(path, findings=findings), findings)
    findings.raise_if_any()
    return users


def read_users(root: Node, findings: Findings) -> Users:
    """The users of a parsed file; usable only where `findings` stayed empty."""
    if root.left_empty:
        return Users()
    by_name: dict[str, User] = {}
    owners: dict[str, str] = {}
    for name, position, node in Section(root, findings).items():
        user = _user(name, position, Section(node, findings, name=name), findings)
        if by_name.setdefault(fold(name), user) is not user:
            findings.add(position, f"login {shown(name)} stands twice (case does not matter)")
        for address in sorted(user.login.addresses):
            if owners.setdefault(address, name) != name:
                findings.add(position, f"{address} belongs to login {shown(owners[address])} already")
    return Users(by_name=MappingProxyType(by_name))


def _user(name: str, position: Position, section: Section, findings: Findings) -> User:
    if not name.isprintable() or not name.strip() or len(name) > NAME_CHARACTERS:
        findings.add(position, f"{shown(name)} cannot be a login name")
    password_hash = section.text("password")
    if password_hash and not _HASH.fullmatch(password_hash):
        # The value itself is not shown: it may be a password in clear text.
        section.complain("password", "must be an argon2id hash; use `rorpost users set-password`")
    address = _address(section, "address", section.text("address"))
    aliases = frozenset(_address(section, "aliases", alias) for alias in section.texts("aliases", []))
    section.finish()
    login = Login(name=name, address=address, aliases=aliases - {address})
    return User(login=login, password_hash=password_hash)


def _address(section: Section, key: str, text: str) -> str:
    try:
        return parse_address(text)
    except AddressMalformed:
        if text:
            section.complain(key, f"holds {shown(text)}, which is no mailbox address")
        return ""
