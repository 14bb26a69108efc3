"""Transfer encodings of large parts, a piece at a time into one buffer: no call holds the interpreter
for long, and a part is copied once. RFC 2045, sections 6.7 and 6.8.
"""

import binascii
from typing import Final

from rorpost_gateway.content.entries import Closed
from rorpost_gateway.content.kinds import Octets
from rorpost_gateway.message.transfer_encoding import UNENCODED

_STEP_OCTETS: Final = 256 * 1024
_WHITE_SPACE: Final = b" \t\r\n"


def decoded(octets: bytes, start: int, end: int, encoding: str) -> Octets:
    """What `octets[start:end]` stands for.

    Raises Closed for an encoding that is none of RFC 2045's, and for base64 that can be read in two ways.
    """
    if encoding in UNENCODED:
        return octets[start:end]
    if encoding == "base64":
        return _base64(octets, start, end)
    if encoding == "quoted-printable":
        return _quoted_printable(octets, start, end)
    raise Closed("an unknown transfer encoding")


def _base64(octets: bytes, start: int, end: int) -> bytearray:
    out, left, ended = bytearray(), b"", False
    for at in range(start, end, _STEP_OCTETS):
        text = left + octets[at : min(end, at + _STEP_OCTETS)].translate(None, _WHITE_SPACE)
        if not text:
            continue
        if ended:
            raise Closed("base64 that goes on after its end")
        whole = len(text) & ~3
        left = text[whole:]
        out += _quartets(text[:whole])
        ended = text[:whole].endswith(b"=")
    if left:
        raise Closed("base64 that is cut off")
    return out


def _quartets(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        raise Closed("base64 that cannot be read") from None


def _quoted_printable(octets: bytes, start: int, end: int) -> bytearray:
    out = bytearray()
    while start < end:
        line_end = octets.rfind(b"\n", start, min(end, start + _STEP_OCTETS)) + 1
        stop = line_end if line_end > start else end
        out += binascii.a2b_qp(octets[start:stop])
        start = stop
    return out
