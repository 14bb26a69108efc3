"""Verifier keys and Ed25519 signatures of notes. The package `cryptography` is used here only.

A verifier key is one line, `name+hash+base64(type || public key)`, where `hash` is
the key id in eight hex digits: the first four octets of
SHA256(name || 0x0A || type || public key). Type 0x01 signs a note's text; type
0x04 is a witness's, whose signature begins with the time it was made.

c2sp.org/signed-note; c2sp.org/tlog-cosignature; RFC 8032 (Ed25519).
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 0x01, 0x04
KEY_OCTETS = 32
SIGNATURE_OCTETS = 64
VKEY_CHARACTERS = 1024

_KEY_ID = re.compile(r"[0-9a-f]{8}")
_TIME_OCTETS = 8


class KeyFault(ValueError):
    """A text that is no verifier key."""


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """A public key and the name it signs under. `kind` is the signature type."""

    name: str
    kind: int
    public: bytes

    @cached_property
    def key_id(self) -> bytes:
        """Four octets."""
        return _key_id(self.name, bytes([self.kind]) + self.public)

    @property
    def vkey(self) -> str:
        material = base64.b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (without the key id) is this key's over a note's text."""
        return self.signed_at(text, signature) is not None

    def signed_at(self, text: bytes, signature: bytes) -> int | None:
        """The POSIX time in a witness's signature, 0 in the log's own; None where it does not verify."""
        seconds = 0
        if self.kind == COSIGNATURE:
            seconds = int.from_bytes(signature[:_TIME_OCTETS], "big")
            signature = signature[_TIME_OCTETS:]
            text = b"cosignature/v1\ntime %d\n%b" % (seconds, text)
        if len(signature) != SIGNATURE_OCTETS or seconds >= 1 << 63:
            return None
        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            return None
        return seconds

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public)


@lru_cache(maxsize=1024)
def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key of type 0x01 or 0x04. Raises KeyFault."""
    try:
        name, key_id, encoded = text[: VKEY_CHARACTERS + 1].split("+", 2)
        material = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise KeyFault("not a verifier key") from None
    if not valid_name(name) or not _KEY_ID.fullmatch(key_id) or len(text) > VKEY_CHARACTERS:
        raise KeyFault("not a verifier key")
    if len(material) != 1 + KEY_OCTETS or material[0] not in (ED25519, COSIGNATURE):
        raise KeyFault("not an Ed25519 verifier key")
    key = VerifierKey(name=name, kind=material[0], public=material[1:])
    if key.vkey != text:
        raise KeyFault("a verifier key that does not match its own key id")
    return key


def valid_name(name: str) -> bool:
    """Whether a text can be a key's name: not empty, without spaces and plus signs."""
    return bool(name) and "+" not in name and name.isprintable() and not any(map(str.isspace, name))


def _key_id(name: str, material: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + material).digest()[:4]
