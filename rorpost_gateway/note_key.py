"""The text forms of a key that signs notes, as Go's sumdb note package has them. No cryptography.

- private: `PRIVATE+KEY+name+hash+base64(kind || secret)`
- verifier key: `name+hash+base64(kind || public key)`

`kind` is one octet, of the signature's type; `hash` is the key id in eight hex digits:
the first four octets of SHA256(name || 0x0A || kind || public key).

c2sp.org/signed-note.
"""

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rorpost_gateway.errors import ConfigurationInvalid

NAME: Final = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,200}")  # visible ASCII without plus
_PRIVATE: Final = "PRIVATE+KEY+"
_SECRET_OCTETS: Final = 32


@dataclass(frozen=True, kw_only=True)
class PrivateText:
    """What a private key's text says. `key_id` is what it claims: the caller compares it with the key's."""

    name: str
    key_id: bytes
    secret: bytes = field(repr=False)


def key_id(name: str, public: bytes) -> bytes:
    """The four octets that tell keys of one name apart. `public` begins with its kind."""
    return hashlib.sha256(name.encode("ascii") + b"\n" + public).digest()[:4]


def verifier_text(name: str, public: bytes) -> str:
    """`public` begins with its kind."""
    return f"{name}+{key_id(name, public).hex()}+{to_base64(public)}"


def private_text(name: str, public: bytes, secret: bytes) -> str:
    """`public` begins with its kind; `secret` does not."""
    return f"{_PRIVATE}{name}+{key_id(name, public).hex()}+{to_base64(public[:1] + secret)}"


def parse_private(octets: bytes, *, kind: bytes) -> PrivateText | None:
    """Of a text that may end in a newline; None where it is no such key."""
    try:
        text = octets.decode("ascii").removesuffix("\n")
        name, hash_text, encoded = text.removeprefix(_PRIVATE).split("+", 2)
        material, claimed = base64.b64decode(encoded, validate=True), bytes.fromhex(hash_text)
    except (ValueError, binascii.Error):
        return None
    if claimed.hex() != hash_text or not text.startswith(_PRIVATE):
        return None
    if material[:1] != kind or len(material) != 1 + _SECRET_OCTETS:
        return None
    return PrivateText(name=name, key_id=claimed, secret=material[1:])


def read_private_file(path: Path, *, by_link: bool = True) -> bytes:
    """The octets of a file that nobody but its owner may read. Raises ConfigurationInvalid, OSError.

    `by_link` says whether the path itself may be a symbolic link.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if by_link else os.O_NOFOLLOW))
    with os.fdopen(fd, "rb") as file:
        if os.fstat(fd).st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: others than its owner may read it; mode 0600 is needed")
        return file.read(4096)


def to_base64(octets: bytes) -> str:
    """As notes write it (RFC 4648, section 4)."""
    return base64.b64encode(octets).decode("ascii")
