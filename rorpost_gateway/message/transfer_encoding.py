"""Transfer encodings: from the octets of a body to what they stand for.

Strict where two readers could differ: base64 with octets that are no base64, or that
goes on after its end, is refused. Quoted-printable always has a reading. Base64 is
worked on in slices, so that no call holds the interpreter for long.

RFC 2045, sections 6.2 (7bit, 8bit, binary), 6.7 (quoted-printable) and 6.8 (base64).
"""

import binascii

from rorpost_gateway.message.header import malformed

UNENCODED = frozenset({"", "7bit", "8bit", "binary"})
_WHITE_SPACE = b" \t\r\n"
_SLICE_CHARACTERS = 256 * 1024  # a multiple of four


def decode_body(octets: bytes, encoding: str) -> bytes:
    """What a body stands for. `encoding` is in lower case, empty where there is none.

    Raises MessageMalformed for an encoding that is none of RFC 2045's and for broken base64.
    """
    if encoding in UNENCODED:
        return octets
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding == "base64":
        return _decode_base64(octets.translate(None, _WHITE_SPACE))
    raise malformed("an unknown transfer encoding")


def _decode_base64(text: bytes) -> bytes:
    decoded = bytearray()
    for start in range(0, len(text), _SLICE_CHARACTERS):
        if len(decoded) % 3:  # padding ended an earlier slice
            raise malformed("base64 goes on after its end")
        try:
            decoded += binascii.a2b_base64(text[start : start + _SLICE_CHARACTERS], strict_mode=True)
        except binascii.Error:
            raise malformed("base64 that cannot be read") from None
    return bytes(decoded)
