"""ASCII armour of OpenPGP messages and signatures, to and from the octets inside.

Pure. One armoured block and nothing around it. Header lines (`Version:`,
`Comment:`) and the checksum line are tolerated and not used: RFC 9580, section 6,
made them optional and forbids to reject a block for its checksum. Base64 is
strict. Large blocks are worked on in slices, so that no call holds the
interpreter for long.

RFC 4880, section 6.2; RFC 9580, section 6.2.
"""

import binascii
import io
import re
import struct

from rorpost_gateway.errors import SealingFailed

HEADER_LINES = 16  # at most; ours has none
_SLICE_OCTETS = 192 * 1024
MESSAGE, SIGNATURE = b"PGP MESSAGE", b"PGP SIGNATURE"
_HEADER_LINE = re.compile(rb"[A-Za-z][A-Za-z-]{0,40}:[ -~\x80-\xff]{0,400}")
_CHECKSUM = re.compile(rb"\n=[A-Za-z0-9+/]{4}\r?\n\Z")
_WHITE_SPACE = b" \t\r\n"
_LINE_DIGITS = 64  # of base64, in a line that is made here
_LINES = struct.Struct(f"{_LINE_DIGITS}s" * 1024)  # as many at a time
_LINES_OCTETS = _LINES.size * 3 // 4


def remove_armour(armoured: bytes, *, kind: bytes = MESSAGE) -> bytes:
    """The OpenPGP packets of exactly one armoured block, with LF or CRLF line ends.

    White space after the block is tolerated. Raises SealingFailed for anything else.
    """
    end = b"-----END " + kind + b"-----"
    text_from = _after_headers(armoured, kind)
    text_to = armoured.rfind(b"\n" + end) + 1
    if text_to <= text_from or armoured[text_to + len(end) :].strip(_WHITE_SPACE):
        raise malformed("armour does not end as it should")
    checksum = _CHECKSUM.search(armoured, max(text_from - 1, text_to - 9), text_to)
    return _decode(armoured, text_from, checksum.start() if checksum else text_to)


def add_armour(octets: bytes, *, kind: bytes = MESSAGE) -> bytes:
    """One armoured block around OpenPGP packets, with CRLF line ends, no header lines and no checksum."""
    text = io.BytesIO()
    text.write(b"-----BEGIN " + kind + b"-----\r\n\r\n")
    full = len(octets) - len(octets) % _LINES_OCTETS
    for at in range(0, full, _LINES_OCTETS):
        digits = binascii.b2a_base64(octets[at : at + _LINES_OCTETS], newline=False)
        text.write(b"\r\n".join(_LINES.unpack(digits)))
        text.write(b"\r\n")
    rest = binascii.b2a_base64(octets[full:], newline=False)
    for at in range(0, len(rest), _LINE_DIGITS):
        text.write(rest[at : at + _LINE_DIGITS])
        text.write(b"\r\n")
    text.write(b"-----END " + kind + b"-----\r\n")
    return text.getvalue()  # not a copy


def with_crlf(armoured: bytes) -> bytes:
    """The same text with CRLF line ends and one at its end."""
    text = io.BytesIO()
    for at in range(0, len(armoured), _SLICE_OCTETS):
        text.write(armoured[at : at + _SLICE_OCTETS].replace(b"\r", b"").replace(b"\n", b"\r\n"))
    if not armoured.endswith(b"\n"):
        text.write(b"\r\n")
    return text.getvalue()  # not a copy


def malformed(what: str) -> SealingFailed:
    """The error for octets that are not what they claim to be; `what` is for the log."""
    return SealingFailed("the sealed message is not what it should be", private=what)


def _after_headers(armoured: bytes, kind: bytes) -> int:
    """Where the base64 text begins: after the BEGIN line, header lines and an empty line."""
    line, at = _line(armoured, 0)
    if line != b"-----BEGIN " + kind + b"-----":
        raise malformed("not an armoured OpenPGP block of that kind")
    for _ in range(HEADER_LINES + 1):
        line, at = _line(armoured, at)
        if not line.strip(b" \t"):
            return at
        if not _HEADER_LINE.fullmatch(line):
            raise malformed("armour header line malformed")
    raise malformed("too many armour header lines")


def _line(text: bytes, at: int) -> tuple[bytes, int]:
    """The line at `at` without its line end, and where the next one begins."""
    end = text.find(b"\n", at)
    if end < 0:
        raise malformed("armour is cut short")
    return text[at:end].removesuffix(b"\r"), end + 1


def _decode(text: bytes, begin: int, end: int) -> bytes:
    octets = io.BytesIO()
    carry = b""
    for at in range(begin, end, _SLICE_OCTETS):
        piece = carry + text[at : min(end, at + _SLICE_OCTETS)].translate(None, b"\r\n")
        whole = len(piece) - len(piece) % 4
        if whole and octets.tell() % 3:  # padding ended an earlier slice
            raise malformed("base64 goes on after its end")
        octets.write(_strict(piece[:whole]))
        carry = piece[whole:]
    if carry or not octets.tell():
        raise malformed("base64 is cut short")
    return octets.getvalue()  # not a copy


def _strict(piece: bytes) -> bytes:
    try:
        return binascii.a2b_base64(piece, strict_mode=True)
    except binascii.Error as error:
        raise malformed("base64 malformed") from error
