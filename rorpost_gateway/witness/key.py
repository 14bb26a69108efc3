"""The witness's own key, and the cosignatures it makes.

- private, one line in a file of mode 0600: `PRIVATE+KEY+name+hash+base64(0x04 || seed)`
- verifier key, one line in a file beside it: `name+hash+base64(0x04 || public key)`
- cosignature: eight octets of time (seconds since the epoch, big-endian) and an Ed25519 signature of
  `cosignature/v1`, `time N` and the checkpoint's text

`hash` is the key id in eight hex digits: the first four octets of
SHA256(name || 0x0A || 0x04 || public key). No key is ever replaced.

c2sp.org/tlog-cosignature, c2sp.org/signed-note; RFC 8032 (Ed25519).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rorpost_gateway import note_key
from rorpost_gateway.durable import PRIVATE_MODE, PUBLIC_MODE, put
from rorpost_gateway.errors import ConfigurationInvalid

_COSIGNATURE: Final = b"\x04"


@dataclass(frozen=True, kw_only=True)
class CosigningKey:
    """A key and the witness's name. Never printed."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        """The verifier key, `name+hash+base64`."""
        return note_key.verifier_text(self.name, self._public)

    def cosign(self, text: bytes, *, at: int) -> bytes:
        """A note's signature line, with its newline, on a checkpoint's text (which ends in a newline).

        `at` is seconds since the epoch.
        """
        signature = self.key.sign(b"cosignature/v1\ntime %d\n" % at + text)
        encoded = note_key.to_base64(self._key_id + struct.pack(">Q", at) + signature)
        return f"— {self.name} {encoded}\n".encode()

    @property
    def _public(self) -> bytes:
        return _COSIGNATURE + self.key.public_key().public_bytes_raw()

    @property
    def _key_id(self) -> bytes:
        return note_key.key_id(self.name, self._public)

    def _private_text(self) -> str:
        return note_key.private_text(self.name, self._public, self.key.private_bytes_raw())

    def __repr__(self) -> str:
        return f"CosigningKey({self.vkey})"


def create_key(path: Path, name: str) -> CosigningKey:
    """Make a key for a witness of that name. Raises ConfigurationInvalid, OSError."""
    if not note_key.NAME.fullmatch(name):
        raise ConfigurationInvalid("the name: 1 to 200 visible ASCII characters, no space and no plus sign")
    if path.exists():
        raise ConfigurationInvalid(f"{path}: a key is there already")
    key = CosigningKey(name=name, key=Ed25519PrivateKey.generate())
    put(path.with_suffix(".vkey"), f"{key.vkey}\n".encode("ascii"), mode=PUBLIC_MODE)
    put(path, f"{key._private_text()}\n".encode("ascii"), mode=PRIVATE_MODE)  # noqa: SLF001
    return key


def load_key(path: Path) -> CosigningKey:
    """Raises ConfigurationInvalid for what is no key, or one that others may read; OSError."""
    found = note_key.parse_private(note_key.read_private_file(path, by_link=False), kind=_COSIGNATURE)
    if found is None:
        raise ConfigurationInvalid(f"{path}: not a witness's key")
    key = CosigningKey(name=found.name, key=Ed25519PrivateKey.from_private_bytes(found.secret))
    if key._key_id != found.key_id:  # noqa: SLF001
        raise ConfigurationInvalid(f"{path}: the key does not match its own key id")
    return key
