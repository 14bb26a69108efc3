"""Setting a password: one entry of the users file is changed, the rest of the file stays as it is.

The file is edited as text, so that comments and order survive, and what came out is
read again before it replaces the file: every other login must be what it was.
The file is replaced as a whole (written beside it with mode 0600, fsynced, renamed);
its owner stays, and nobody but owner and group may read it.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rorpost_gateway.address import parse_address
from rorpost_gateway.document import Entry, Findings, Node, parse_text
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError, NotFound
from rorpost_gateway.logins.passwords import HASHER
from rorpost_gateway.logins.users import Users, fold, read_users

SHORTEST_CHARACTERS = 12
LONGEST_CHARACTERS = 1000
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*[.@][A-Za-z0-9._@-]*[A-Za-z0-9]")
_QUOTED = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_NOT_BY_ITSELF = (
    "the users file was left as it is: this entry cannot be written by itself; "
    "write each login as its own block, with password and address on a line each"
)
_HEADER = "# Logins. Change a password with: rorpost users set-password USER\n"


class PasswordRefused(GatewayError):
    """A password that must not be set."""


def set_password(path: Path, user: str, password: str, *, address: str | None = None) -> bool:
    """Set the password of `user`, or add the user, which needs an `address`. True if it was added.

    Raises PasswordRefused, NotFound (no such user and no address), AddressMalformed,
    ConfigurationInvalid (a file that is wrong, or written so that one entry cannot be changed).
    """
    if not SHORTEST_CHARACTERS <= len(password) <= LONGEST_CHARACTERS:
        raise PasswordRefused(f"a password has at least {SHORTEST_CHARACTERS} characters")
    place = path.resolve()
    with _locked(place.parent):
        text = _text_of(place)
        changed, added = _edited(text, str(path), user, password, address)
        _replace(place, changed)
    return added


def _edited(text: str, shown_as: str, user: str, password: str, address: str | None) -> tuple[str, bool]:
    root, before = _read(text, shown_as)
    password_hash = HASHER.hash(password)
    entry = next((entry for entry in root.entries if fold(entry.key) == fold(user)), None)
    if entry is not None:
        values = {"password": password_hash}
        if address is not None:
            values["address"] = parse_address(address)
        changed = _with_values(text, entry, values)
    elif address is None:
        raise NotFound(f"no login {user}; to add it, give its address too")
    else:
        changed = _with_entry(text, user, password_hash, parse_address(address))
    _check(before, changed, user, password_hash)
    return changed, entry is None


def _text_of(place: Path) -> str:
    """The file with its own line ends, or the beginning of a new one."""
    try:
        with place.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return _HEADER
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationInvalid(f"{place}: cannot be read: {cause}") from error


def _read(text: str, shown_as: str) -> tuple[Node, Users]:
    findings = Findings()
    root = parse_text(text, shown_as=shown_as, findings=findings)
    users = read_users(root, findings)
    findings.raise_if_any()
    return root, users


def _with_values(text: str, entry: Entry, values: Mapping[str, str]) -> str:
    """The last one first, so that the places of the others still hold."""
    for child in reversed(entry.node.entries):
        if child.key in values:
            text = _with_value(text, child.node, values[child.key])
    return text


def _with_value(text: str, node: Node, value: str) -> str:
    lines = text.splitlines(keepends=True)
    line, start = lines[node.line - 1], node.column - 1
    written = _QUOTED.match(line, start) or re.compile(re.escape(node.source)).match(line, start)
    if written is None:
        raise ConfigurationInvalid(_NOT_BY_ITSELF)
    end = written.end()
    lines[node.line - 1] = f'{line[:start]}"{value}"{line[end:]}'
    return "".join(lines)


def _with_entry(text: str, user: str, password_hash: str, address: str) -> str:
    key = user if _PLAIN_KEY.fullmatch(user) else '"' + re.sub(r'(["\\])', r"\\\1", user) + '"'
    gap = "" if not text or text.endswith("\n") else "\n"
    return f'{text}{gap}\n{key}:\n  password: "{password_hash}"\n  address: {address}\n'


def _check(before: Users, changed: str, user: str, password_hash: str) -> None:
    """Every other login is what it was, and this one has the new password."""
    try:
        remaining = dict(_read(changed, "the changed file")[1].by_name)
    except ConfigurationInvalid as error:
        raise ConfigurationInvalid(f"{_NOT_BY_ITSELF}\n{error.public}") from error
    others = dict(before.by_name)
    others.pop(fold(user), None)
    mine = remaining.pop(fold(user), None)
    if remaining != others or mine is None or mine.password_hash != password_hash:
        raise ConfigurationInvalid(_NOT_BY_ITSELF)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One change at a time; the lock is on the folder, since the file itself is replaced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)  # makes the renaming durable
    finally:
        os.close(descriptor)


def _replace(place: Path, text: str) -> None:
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            if place.exists():
                old = place.stat()
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), old.st_mode & 0o660)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
