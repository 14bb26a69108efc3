"""What stands under the encryption: literal data, with one signature or without.

Pure. The grammar is a small part of what OpenPGP would allow, and all that is
sent: an optional compressed packet, alone and not again compressed inside, holding

- a one-pass signature, literal data, a signature; or
- a signature, literal data (as PGP once did); or
- literal data.

Whatever else there is, also between or behind these, is refused: two things that
read such a message differently are how signatures are made to cover what nobody
signed. Compressed data are inflated here, in small steps and up to a bound, never by gpg.

RFC 9580, sections 5.4 (one-pass), 5.6 (compressed), 5.9 (literal) and 10.3 (grammar).
"""

import bz2
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.packets import Packet, Tag, body_of, packets_of

# What stands around literal data: their own header, signatures, lengths in pieces of 512 octets and more.
_AROUND_OCTETS = 256 * 1024
_STEP_OCTETS = 64 * 1024
_ONE_PASS_OCTETS = 13
_MODES = frozenset(b"btu")
_LITERAL_FIXED_OCTETS = 6  # mode, length of the name, date


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Literal data and the body of the signature packet over them, if there is one."""

    payload: bytes = field(repr=False)
    signature: bytes | None = None
    announced_key_id: str | None = None  # upper-case hex; whom a one-pass signature names as the signer


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


# RFC 9580, section 9.4. Without a zlib header the window is negative.
_INFLATERS: dict[int, Callable[[], _Inflater]] = {
    1: lambda: zlib.decompressobj(-zlib.MAX_WBITS),
    2: zlib.decompressobj,
    3: bz2.BZ2Decompressor,
}


def read_inner(octets: bytes, *, longest_octets: int) -> Inner:
    """Take apart what was decrypted. Raises OpeningRefused."""
    packets = _packets(octets)
    if [packet.tag for packet in packets] == [Tag.COMPRESSED]:
        octets = inflate(body_of(octets, packets[0]), longest_octets=longest_octets + _around(longest_octets))
        packets = _packets(octets)
    match [packet.tag for packet in packets]:
        case [Tag.LITERAL]:
            return Inner(payload=_literal(octets, packets[0], longest_octets))
        case [Tag.ONE_PASS_SIGNATURE, Tag.LITERAL, Tag.SIGNATURE]:
            one_pass, literal, signature = packets
            return Inner(
                payload=_literal(octets, literal, longest_octets),
                signature=body_of(octets, signature),
                announced_key_id=_announced(one_pass),
            )
        case [Tag.SIGNATURE, Tag.LITERAL]:
            signature, literal = packets
            return Inner(
                payload=_literal(octets, literal, longest_octets), signature=body_of(octets, signature)
            )
        case tags:
            raise _not_the_grammar(tags)


def inflate(compressed: bytes, *, longest_octets: int) -> bytes:
    """The octets of a compressed packet's body, of which nothing is left over. Raises OpeningRefused.

    More than `longest_octets` are refused as too large without being made.
    """
    kind = _INFLATERS.get(compressed[0]) if compressed else None
    if kind is None:
        raise _refused("compressed by an unknown algorithm")
    inflater, inflated = kind(), io.BytesIO()
    try:
        for at in range(1, len(compressed), _STEP_OCTETS):
            _step(inflater, compressed[at : at + _STEP_OCTETS], inflated, longest_octets)
    except (zlib.error, OSError, EOFError, ValueError) as error:
        raise _refused(f"compressed data do not hold: {type(error).__name__}") from error
    if not inflater.eof or inflater.unused_data:
        raise _refused("compressed data are cut short")
    return inflated.getvalue()


def _step(inflater: _Inflater, piece: bytes, inflated: io.BytesIO, longest_octets: int) -> None:
    """Inflate one piece to its end; each call makes a small bounded amount, whatever the ratio."""
    if inflater.eof:
        raise _refused("something follows the compressed data")
    while True:
        made = inflater.decompress(piece, _STEP_OCTETS)
        inflated.write(made)
        if inflated.tell() > longest_octets:
            raise _too_large(f"inflates to over {longest_octets} octets")
        if inflater.unused_data:
            raise _refused("something follows the compressed data")
        piece = getattr(inflater, "unconsumed_tail", b"")  # bz2 keeps it to itself
        if inflater.eof or (not piece and len(made) < _STEP_OCTETS):
            return


def _packets(octets: bytes) -> list[Packet]:
    try:
        return list(packets_of(octets, open_ended=True))
    except SealingFailed as error:
        raise _refused(f"inside: {error.private}") from error


def _literal(octets: bytes, packet: Packet, longest_octets: int) -> bytes:
    """The data alone: name and date are not signed, and nobody asked for them."""
    start = packet.start
    if len(start) < _LITERAL_FIXED_OCTETS or start[0] not in _MODES:
        raise _refused("literal data of an unknown kind")
    header_octets = _LITERAL_FIXED_OCTETS + start[1]
    if packet.length < header_octets:
        raise _refused("literal data are cut short")
    if packet.length - header_octets > longest_octets:
        raise _too_large(f"holds over {longest_octets} octets")
    return body_of(octets, packet, header_octets)


def _announced(packet: Packet) -> str:
    start = packet.start
    if packet.length != _ONE_PASS_OCTETS or start[0] != 3 or start[12] != 1:
        raise _invalid("the one-pass signature is not of version 3, or announces another one")
    return start[4:12].hex().upper()


def _around(longest_octets: int) -> int:
    return _AROUND_OCTETS + longest_octets // 64


def _not_the_grammar(tags: list[int]) -> OpeningRefused:
    if tags.count(Tag.SIGNATURE) + tags.count(Tag.ONE_PASS_SIGNATURE) > 0 and tags.count(Tag.LITERAL) == 1:
        return _invalid(f"packets inside are {tags[:8]}, not one signature over literal data")
    return _refused(f"packets inside are {tags[:8]}")


def _too_large(private: str) -> OpeningRefused:
    return OpeningRefused(Reason.MESSAGE_TOO_LARGE, private=private)


def _invalid(private: str) -> OpeningRefused:
    return OpeningRefused(Reason.SIGNATURE_INVALID, private=private)


def _refused(private: str) -> OpeningRefused:
    return OpeningRefused(Reason.DECRYPTION_FAILED, private=private)
