"""The log's signing key: Ed25519, in the text forms of Go's sumdb note package.

- private, one line in a file of mode 0600: `PRIVATE+KEY+name+hash+base64(0x01 || seed)`
- verifier key, one line in `decision-log.vkey` beside it: `name+hash+base64(0x01 || public key)`

`hash` is the key id in eight hex digits: the first four bytes of
SHA256(name || 0x0A || 0x01 || public key). The name is the log's origin.
The package `cryptography` is used here only (within this room).

c2sp.org/signed-note; RFC 8032 (Ed25519).
"""

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rorpost_gateway import note_key
from rorpost_gateway.decision_log.folder import VKEY_NAME
from rorpost_gateway.durable import PRIVATE_MODE, PUBLIC_MODE, sync_folder, write_new
from rorpost_gateway.errors import ConfigurationInvalid

_ED25519 = b"\x01"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key and the name it signs under. Never printed."""

    origin: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        """The verifier key, `name+hash+base64`."""
        return note_key.verifier_text(self.origin, self._public)

    @property
    def key_id(self) -> bytes:
        """The four octets that tell keys of one name apart (c2sp.org/signed-note)."""
        return note_key.key_id(self.origin, self._public)

    def sign(self, text: bytes) -> bytes:
        """The Ed25519 signature of `text`, 64 octets (RFC 8032)."""
        return self.key.sign(text)

    @property
    def _public(self) -> bytes:
        return _ED25519 + self.key.public_key().public_bytes_raw()

    def _private_text(self) -> str:
        return note_key.private_text(self.origin, self._public, self.key.private_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.vkey})"


def load_or_create(path: Path, origin: str) -> SigningKey:
    """The signing key in `path`, which is made there if it is missing.

    Raises ConfigurationInvalid (see `create` and `load`), OSError.
    """
    remove_drafts(path)
    return load(path, origin) if path.exists() else create(path, origin)


def create(path: Path, origin: str) -> SigningKey:
    """Make a key. Never replaces one. Raises ConfigurationInvalid, OSError."""
    signing_key = generate(origin)
    remove_drafts(path)
    temporary = draft(path, signing_key)
    try:
        # A link is made whole or not at all, and not over another file.
        os.link(temporary, path)
    except FileExistsError:
        raise ConfigurationInvalid(f"{path}: a signing key is there already") from None
    finally:
        temporary.unlink()
    write_vkey(path, signing_key.vkey)
    return signing_key


def generate(origin: str) -> SigningKey:
    """A new key, nowhere but in memory. Raises ConfigurationInvalid (`check_origin`)."""
    check_origin(origin)
    return SigningKey(origin=origin, key=Ed25519PrivateKey.generate())


def draft(path: Path, signing_key: SigningKey) -> Path:
    """Write a key, durably, beside where it is to be; the file's name. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    octets = f"{signing_key._private_text()}\n".encode("ascii")  # noqa: SLF001
    write_new(temporary, octets, mode=PRIVATE_MODE)
    return temporary


def remove_drafts(path: Path) -> None:
    """Take away what processes that were killed left of their drafts beside a key file. Raises OSError."""
    for name in (path.name, VKEY_NAME):
        for left in path.parent.glob(f".{glob.escape(name)}.*"):
            number = left.name.rpartition(".")[2]
            if number.isdecimal() and (int(number) == os.getpid() or not _runs(int(number))):
                left.unlink(missing_ok=True)


def load(path: Path, origin: str) -> SigningKey:
    """Read a key and see that its verifier key lies beside it. Raises ConfigurationInvalid, OSError.

    Invalid are: a file that others may read, another name than `origin` (or what a restart
    made of it), a text that is no key, a verifier key beside it that is another's.
    """
    check_origin(origin)
    signing_key = read(path)
    if not belongs_to(signing_key.origin, origin):
        raise ConfigurationInvalid(f"{path}: the key is for {signing_key.origin!r}, not for {origin!r}")
    _see_vkey(path, signing_key.vkey)
    return signing_key


def read(path: Path) -> SigningKey:
    """A key as its file holds it. Raises ConfigurationInvalid, OSError."""
    return _parse(path, note_key.read_private_file(path))


def restarted_origin(origin: str, stamp: str) -> str:
    """How a log is named that took another's place at `stamp` (`YYYYMMDDTHHMMSSZ`): one name, one log."""
    return f"{origin}/restarted-{stamp}"


def belongs_to(name: str, origin: str) -> bool:
    """Whether a key's name is the configured origin, or that of the same log begun anew."""
    return (
        name == origin or re.fullmatch(re.escape(origin) + r"/restarted-[0-9]{8}T[0-9]{6}Z", name) is not None
    )


def check_origin(origin: str) -> None:
    """A key name that a signed note can carry. Raises ConfigurationInvalid."""
    if not note_key.NAME.fullmatch(origin):
        raise ConfigurationInvalid(
            "decision_log.origin: 1 to 200 visible ASCII characters, no space and no plus sign"
        )


def _parse(path: Path, octets: bytes) -> SigningKey:
    found = note_key.parse_private(octets, kind=_ED25519)
    if found is None:
        raise ConfigurationInvalid(f"{path}: not a signing key")
    signing_key = SigningKey(origin=found.name, key=Ed25519PrivateKey.from_private_bytes(found.secret))
    if signing_key.key_id != found.key_id:
        raise ConfigurationInvalid(f"{path}: the key does not match its own key id")
    return signing_key


def _see_vkey(path: Path, vkey: str) -> None:
    beside = path.with_name(VKEY_NAME)
    try:
        text = beside.read_bytes()
    except FileNotFoundError:
        write_vkey(path, vkey)  # a crash came between the two files
        return
    allowed = [vkey]
    if next_path(path).exists():  # a crash came between the steps of a rotation
        allowed.append(read(next_path(path)).vkey)
    if text.removesuffix(b"\n").decode("ascii", "replace") not in allowed:
        raise ConfigurationInvalid(f"{beside}: not the verifier key of {path}")


def next_path(path: Path) -> Path:
    """Where the key lies that is to take the place of the one in `path`, while a rotation goes on."""
    return path.with_name(f"{path.name}.next")


def write_vkey(path: Path, vkey: str) -> None:
    """Put the verifier key beside its key file, replacing another's; durable. Raises OSError."""
    beside = path.with_name(VKEY_NAME)
    temporary = beside.with_name(f".{beside.name}.{os.getpid()}")
    write_new(temporary, f"{vkey}\n".encode("ascii"), mode=PUBLIC_MODE)
    temporary.replace(beside)
    sync_folder(path.parent)


def _runs(process: int) -> bool:
    return Path("/proc", str(process)).exists()
