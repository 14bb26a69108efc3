"""OpenPGP packet framing, and the check that a sealed message is what it claims to be.

Pure; nothing is decrypted. The framing knows both formats and partial body
lengths; it takes a message apart completely or refuses it, so that nothing can
hide between or behind packets.

RFC 4880, sections 4.2, 5.1 and 5.13; RFC 9580, sections 4.2, 5.1 and 5.13.1.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from rorpost_gateway.openpgp.armour import malformed, remove_armour

PACKETS = 64  # at most, in one message
KEY_ID_OCTETS = 8
_V4_FINGERPRINT_DIGITS = 40
_LONGEST_BODY_OCTETS = 0xFFFFFFFF
_FIRST_PARTIAL_OCTETS = 512
_PIECES = 4096  # at most, in one body, and one more for each 512 octets: no sender needs more
_SESSION_KEY_OCTETS = 1 + KEY_ID_OCTETS + 1  # version, key id, algorithm; then what the algorithm needs
# version, random prefix of an AES block and two octets, modification detection code packet
_PROTECTED_OCTETS = 1 + 16 + 2 + 22
_LONGEST_SESSION_KEY = 0xFFFF
_SIGNATURE_OCTETS = 4096  # at most, with the packet that announces it and the literal data's header


class Tag(IntEnum):
    """The packet types this gateway speaks of."""

    SESSION_KEY = 1  # public-key encrypted session key
    SIGNATURE = 2
    PASSPHRASE = 3  # symmetric-key encrypted session key
    ONE_PASS_SIGNATURE = 4
    COMPRESSED = 8
    ENCRYPTED = 9  # symmetrically encrypted, without integrity protection
    LITERAL = 11
    INTEGRITY_PROTECTED = 18
    AEAD = 20


# RFC 9580, 4.2.1.4: only data packets may have partial body lengths.
_MAY_BE_PARTIAL = frozenset({Tag.COMPRESSED, Tag.ENCRYPTED, Tag.LITERAL, Tag.INTEGRITY_PROTECTED, Tag.AEAD})


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One packet: its type, the first octets of its body (at most 512) and the body's length.

    `pieces` says where the body lies: offsets of begin and end, several where its length is partial.
    """

    tag: int
    start: bytes
    length: int
    pieces: tuple[tuple[int, int], ...] = field(default=(), compare=False, repr=False)


def packets_of(octets: bytes, *, open_ended: bool = False, most: int = PACKETS) -> Iterator[Packet]:
    """Take a message, or keys, apart, in order. Raises SealingFailed where the framing does not hold.

    `open_ended` allows a data packet of indeterminate length, which ends where the octets end.
    """
    at = 0
    for _ in range(most):
        if at == len(octets):
            return
        packet, at = _packet(octets, at, open_ended=open_ended)
        yield packet
    raise malformed("too many packets")


def body_of(octets: bytes, packet: Packet, skip_octets: int = 0) -> bytes:
    """A packet's body in one, without its first octets; these must lie in its first piece."""
    (begin, end), *others = packet.pieces
    if not others:
        return octets[begin + skip_octets : end]
    view = memoryview(octets)
    return b"".join([view[begin + skip_octets : end], *(view[first:last] for first, last in others)])


def to_end_in_padding(octets: bytes) -> bytes:
    """The same packets; the first one's header is written longer if base64 would end without padding.

    GnuPG 2.2.40, for one, reads on into the END line of an armour that has neither padding nor
    checksum, and ends with an error. Headers of the old format, as GnuPG writes them, have room for it
    (RFC 9580, 4.2.2). Raises SealingFailed.
    """
    if len(octets) % 3:
        return octets
    first = next(packets_of(octets), None)
    if first is None or first.tag != Tag.SESSION_KEY or first.length > _LONGEST_SESSION_KEY:
        raise malformed("no message that begins with a session key")
    ((begin, _),) = first.pieces
    width = 2 if begin % 3 != 0 else 4  # a header of 3 or of 5 octets, in place of one of 2 or of 3
    header = bytes([0x80 | first.tag << 2 | width >> 1]) + first.length.to_bytes(width, "big")
    return header + octets[begin:]


def framed(tag: int, body: bytes) -> bytes:
    """One packet: RFC 9580, 4.2.1, the new format with a length of five octets."""
    return header_of(tag, len(body)) + body


def header_of(tag: int, length: int) -> bytes:
    """The header of a packet with a body of that many octets. Raises ValueError where none can be so long."""
    if length > _LONGEST_BODY_OCTETS:
        raise ValueError("a packet's body is at most 4 GiB long")
    return bytes([0xC0 | tag, 0xFF]) + length.to_bytes(4, "big")


def check_sealed(armoured: bytes, *, subkey_fingerprint: str) -> str:
    """`check_packets` of an armoured message with nothing around it. Raises SealingFailed."""
    return check_packets(remove_armour(armoured), subkey_fingerprint=subkey_fingerprint)


def check_packets(octets: bytes, *, subkey_fingerprint: str, payload_octets: int | None = None) -> str:
    """Check that `octets` are sealed to that one key and to nobody else.

    Exactly one session-key packet (version 3, with the key id of
    `subkey_fingerprint`, 40 hex digits), one integrity-protected data packet
    (version 1), nothing after. With `payload_octets` the data must be as long as
    that payload, one signature and their framing make it: all of it is there, not
    compressed, and little else. Returns the SHA-256 of the packets in lower-case
    hex. Raises SealingFailed.
    """
    packets = list(packets_of(octets))
    if [packet.tag for packet in packets] != [Tag.SESSION_KEY, Tag.INTEGRITY_PROTECTED]:
        raise malformed(f"packets are {[packet.tag for packet in packets]}, not one session key and one data")
    _check_session_key(packets[0], subkey_fingerprint)
    _check_protected(packets[1])
    if payload_octets is not None:
        _check_length(packets[1], payload_octets)
    return hashlib.sha256(octets).hexdigest()


def _check_session_key(packet: Packet, subkey_fingerprint: str) -> None:
    if len(subkey_fingerprint) != _V4_FINGERPRINT_DIGITS:
        raise malformed("only keys of version 4 are sealed to")
    if packet.length <= _SESSION_KEY_OCTETS or packet.start[0] != 3:
        raise malformed("session-key packet is not of version 3")
    if packet.start[1 : 1 + KEY_ID_OCTETS] != bytes.fromhex(subkey_fingerprint)[-KEY_ID_OCTETS:]:
        raise malformed("session-key packet names another key, or none")


def _check_protected(packet: Packet) -> None:
    if packet.length < _PROTECTED_OCTETS or packet.start[0] != 1:
        raise malformed("data packet is not integrity-protected data of version 1")


def _check_length(packet: Packet, payload_octets: int) -> None:
    beside = packet.length - _PROTECTED_OCTETS - payload_octets
    # A signature and its framing; of a body in pieces a length of up to two octets for each 512.
    if not 0 < beside <= _SIGNATURE_OCTETS + (payload_octets >> 8) + (payload_octets >> 9):
        raise malformed(f"data packet holds {beside} octets beside the payload")


def _packet(octets: bytes, at: int, *, open_ended: bool) -> tuple[Packet, int]:
    header = octets[at]
    if not header & 0x80:
        raise malformed("not a packet")
    if header & 0x40:
        return _new_format(octets, at)
    return _old_format(octets, at, open_ended=open_ended)


def _old_format(octets: bytes, at: int, *, open_ended: bool) -> tuple[Packet, int]:
    """RFC 9580, 4.2.2. Behind an indeterminate length nothing could be seen to follow."""
    tag, kind = (octets[at] >> 2) & 0x0F, octets[at] & 0x03
    if kind == 3:
        if not open_ended or tag not in _MAY_BE_PARTIAL:
            raise malformed("packet of indeterminate length")
        return _whole(octets, tag, at + 1, len(octets) - at - 1)
    width = 1 << kind
    length = int.from_bytes(_take(octets, at + 1, width), "big")
    return _whole(octets, tag, at + 1 + width, length)


def _new_format(octets: bytes, at: int) -> tuple[Packet, int]:
    tag = octets[at] & 0x3F
    length, at, partial = _length(octets, at + 1)
    if not partial:
        return _whole(octets, tag, at, length)
    if tag not in _MAY_BE_PARTIAL or length < _FIRST_PARTIAL_OCTETS:
        raise malformed("partial length where none may be")
    start = _take(octets, at, length)[:_FIRST_PARTIAL_OCTETS]
    pieces = []
    while partial:
        pieces.append((at, at + length))
        if len(pieces) > _PIECES + (at >> 9):
            raise malformed("a packet in too many pieces")
        length, at, partial = _length(octets, at + length)
    last, end = _whole(octets, tag, at, length)
    pieces += last.pieces
    total = sum(end - begin for begin, end in pieces)
    return Packet(tag=tag, start=start, length=total, pieces=tuple(pieces)), end


def _length(octets: bytes, at: int) -> tuple[int, int, bool]:
    """RFC 9580, 4.2.1: a length, where what it counts begins, and whether it is partial."""
    (first,) = _take(octets, at, 1)
    if first < 192:
        return first, at + 1, False
    if first < 224:
        (second,) = _take(octets, at + 1, 1)
        return ((first - 192) << 8) + second + 192, at + 2, False
    if first < 255:
        return 1 << (first & 0x1F), at + 1, True
    return int.from_bytes(_take(octets, at + 1, 4), "big"), at + 5, False


def _whole(octets: bytes, tag: int, at: int, length: int) -> tuple[Packet, int]:
    if tag == 0 or at + length > len(octets):
        raise malformed("packet is reserved, or longer than the message")
    start = octets[at : at + min(length, _FIRST_PARTIAL_OCTETS)]
    return Packet(tag=tag, start=start, length=length, pieces=((at, at + length),)), at + length


def _take(octets: bytes, at: int, length: int) -> bytes:
    if at + length > len(octets):
        raise malformed("packets are cut short")
    return octets[at : at + length]
