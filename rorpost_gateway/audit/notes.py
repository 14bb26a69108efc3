"""Signed notes: a text and the signatures under it, read without trust.

Signatures of unknown keys are ignored, as the format wants it; one of a known key
that does not verify condemns the whole note. Base64 must be the one form that an
encoder writes, so that no octet of a note can be changed without a sign.

c2sp.org/signed-note.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rorpost_gateway.audit.signatures import VerifierKey, valid_name

NOTE_OCTETS = 256 * 1024
SIGNATURES = 100
MARK = "\u2014 ".encode()  # begins a signature line

_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")


class NoteFault(ValueError):
    """Why a note is none, or is not signed as it must be."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One signature line. `octets` are without the key id."""

    name: str
    key_id: bytes
    octets: bytes


@dataclass(frozen=True, kw_only=True)
class Note:
    """`text` is what is signed, with its last newline."""

    text: bytes
    signatures: tuple[Signature, ...]


def parse_note(octets: bytes) -> Note:
    """Read a note. Raises NoteFault."""
    if len(octets) > NOTE_OCTETS:
        raise NoteFault("a note that is too long")
    if _CONTROL.search(octets):
        raise NoteFault("a note with control characters")
    end = octets.rfind(b"\n\n")
    if end < 1 or not octets.endswith(b"\n"):
        raise NoteFault("not a signed note")
    lines = octets[end + 2 : -1].split(b"\n")
    if len(lines) > SIGNATURES:
        raise NoteFault("a note with too many signatures")
    text = octets[: end + 1]
    if not _is_utf8(text):
        raise NoteFault("a note that is not UTF-8")
    return Note(text=text, signatures=tuple(map(_signature, lines)))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Which of `keys` signed the note. Raises NoteFault where none did, or a signature of one is wrong."""
    known = {(key.name, key.key_id): key for key in keys}
    signers: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature.octets):
            raise NoteFault(f"the signature of {key.name} does not verify")
        if key not in signers:
            signers.append(key)
    if not signers:
        raise NoteFault("not signed by a known key")
    return signers


def decode_base64(text: bytes) -> bytes:
    """The octets of standard base64 in the form an encoder gives it. Raises NoteFault."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise NoteFault("wrong base64") from None
    if base64.b64encode(octets) != text:
        raise NoteFault("wrong base64")
    return octets


def _signature(line: bytes) -> Signature:
    name, space, encoded = line.removeprefix(MARK).partition(b" ")
    if not line.startswith(MARK) or not space or not _is_utf8(name):
        raise NoteFault("not a signature line")
    octets = decode_base64(encoded)
    text = name.decode("utf-8")
    if len(octets) < 5 or not valid_name(text):
        raise NoteFault("not a signature line")
    return Signature(name=text, key_id=octets[:4], octets=octets[4:])


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
