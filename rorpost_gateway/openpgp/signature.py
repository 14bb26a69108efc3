"""A signature packet, read as far as the gateway judges it itself.

Pure; nothing is verified here. Only version 4, over a binary or a canonical text
document, with a digest that still counts. Of its subpackets those are read that
gpg may not know; only such in the hashed area, which is under the signature.

RFC 9580, sections 5.2.3 (version 4), 5.2.3.7 (subpackets), 5.2.3.11 (creation time),
5.2.3.35 (issuer fingerprint) and 5.2.3.36 (intended recipient).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rorpost_gateway.decision import Reason
from rorpost_gateway.message.line_ends import bare_line_ends
from rorpost_gateway.openpgp.base import OpeningRefused

SIGNATURE_OCTETS = 64 * 1024  # of one packet, at most
BINARY, TEXT = 0x00, 0x01
_DIGESTS = frozenset({8, 9, 10, 11})  # SHA-256, 384, 512 and 224; neither MD5, SHA-1 nor RIPEMD-160
_FIXED_OCTETS = 6  # version, kind, algorithm, digest, length of the hashed area
_CREATED, _ISSUER_FINGERPRINT, _INTENDED_RECIPIENT = 2, 33, 35
_TIME_OCTETS = 4
_V4, _V4_FINGERPRINT_OCTETS = 4, 20


@dataclass(frozen=True, kw_only=True)
class SignaturePacket:
    """`kind`, `algorithm` and `digest` are the numbers of RFC 9580, sections 5.2.1, 9.1 and 9.5."""

    kind: int
    algorithm: int
    digest: int
    intended_recipients: tuple[str, ...]  # fingerprints, upper-case hex
    created: datetime | None  # UTC; None where the hashed area does not state exactly one time


def read_signature(body: bytes) -> SignaturePacket:
    """Read a signature packet's body. Raises OpeningRefused (SIGNATURE_INVALID)."""
    if not _FIXED_OCTETS <= len(body) <= SIGNATURE_OCTETS or body[0] != _V4:
        raise invalid("the signature is not of version 4")
    if body[1] not in (BINARY, TEXT):
        raise invalid(f"a signature of kind {body[1]:#04x}, not over a document")
    if body[3] not in _DIGESTS:
        raise invalid(f"the signature's digest is number {body[3]}, which does not count")
    subpackets = list(_subpackets(_hashed(body)))
    recipients = [_fingerprint(value) for kind, value in subpackets if kind == _INTENDED_RECIPIENT]
    return SignaturePacket(
        kind=body[1],
        algorithm=body[2],
        digest=body[3],
        intended_recipients=tuple(recipients),
        created=_created([value for kind, value in subpackets if kind == _CREATED]),
    )


def issuer_of(body: bytes) -> str | None:
    """The fingerprint (upper-case hex) of the part that made a signature, as its hashed area states it.

    None where that does not state exactly one. Raises OpeningRefused.
    """
    stated = [
        _fingerprint(value) for kind, value in _subpackets(_hashed(body)) if kind == _ISSUER_FINGERPRINT
    ]
    return stated[0] if len(stated) == 1 else None


def check_text(signature: SignaturePacket, signed: bytes) -> None:
    """A text signature covers lines whatever their ends; only one form of them is taken here.

    Otherwise the same signature would fit several payloads, and each would pass for
    another message. Raises OpeningRefused.
    """
    if signature.kind == TEXT and bare_line_ends(signed):
        raise invalid("a text signature over line ends that are not CRLF")


def invalid(private: str) -> OpeningRefused:
    """The refusal of a signature; `private` is for the log."""
    return OpeningRefused(Reason.SIGNATURE_INVALID, private=private)


def _created(stated: list[bytes]) -> datetime | None:
    if len(stated) != 1 or len(stated[0]) != _TIME_OCTETS:
        return None
    return datetime.fromtimestamp(int.from_bytes(stated[0], "big"), UTC)


def _hashed(body: bytes) -> bytes:
    """The subpackets that are under the signature."""
    octets = int.from_bytes(body[4:6], "big")
    hashed = body[_FIXED_OCTETS : _FIXED_OCTETS + octets]
    if len(hashed) != octets:
        raise invalid("the signature's subpackets are cut short")
    return hashed


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    """Type (without the critical bit, which gpg minds) and content of each."""
    at = 0
    while at < len(area):
        length, at = _length(area, at)
        if not length or at + length > len(area):
            raise invalid("a subpacket of the signature is cut short")
        yield area[at] & 0x7F, area[at + 1 : at + length]
        at += length


def _length(area: bytes, at: int) -> tuple[int, int]:
    """RFC 9580, 5.2.3.7: one, two or five octets; no partial lengths."""
    first = area[at]
    width = 1 if first < 192 else 2 if first < 255 else 5
    octets = area[at : at + width]
    if len(octets) != width:
        raise invalid("a subpacket of the signature is cut short")
    if width == 1:
        return first, at + 1
    if width == 2:
        return ((first - 192) << 8) + octets[1] + 192, at + 2
    return int.from_bytes(octets[1:], "big"), at + 5


def _fingerprint(value: bytes) -> str:
    if len(value) < 2 or (value[0] == _V4 and len(value) != 1 + _V4_FINGERPRINT_OCTETS):
        raise invalid("a subpacket that should be a fingerprint and is none")
    return value[1:].hex().upper()
