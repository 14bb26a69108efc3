"""OpenPGP octets as one armoured block in one form, however they came.

Armour with LF or CRLF line ends, header lines, white space at line ends or blank lines
becomes armour without them; packets without armour are given one. The packets stay as they
are: nothing here looks into them beyond the first octet.

RFC 4880, sections 4.2 (packet headers) and 6.2 (armour); RFC 3156, sections 4 and 5.
"""

import binascii

from rorpost_gateway.message.header import malformed
from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.message.sealed import message_text, signature_text

_BLANK = b" \t\r\n"
_COLUMNS = 64
# Old and new format of a public-key encrypted session key, and of the marker that PGP puts before it.
_FIRST_OCTETS = {0x84, 0x85, 0x86, 0xC1, 0xA8, 0xCA}


def read_message(octets: bytes) -> tuple[bytes, bool]:
    """The armoured message, and whether it came without armour.

    Raises MessageMalformed for anything but exactly one OpenPGP message.
    """
    if octets[:1] and octets[0] in _FIRST_OCTETS:
        return _armoured(b"MESSAGE", binascii.b2a_base64(octets, newline=False)), True
    text = message_text(with_crlf(octets))
    del octets  # as long as the text, which stays
    if text is None:
        raise malformed("the data part is not exactly one OpenPGP message")
    return _block(b"MESSAGE", text), False


def read_signature(octets: bytes) -> bytes:
    """The armoured detached signature. Raises MessageMalformed for anything but exactly one."""
    text = signature_text(with_crlf(octets))
    if text is None:
        raise malformed("the signature part is not exactly one OpenPGP signature")
    return _block(b"SIGNATURE", text)


def _block(kind: bytes, text: bytes) -> bytes:
    if _is_plain(text):
        return _between(kind, text)
    return _armoured(kind, text.translate(None, _BLANK))


def _is_plain(text: bytes) -> bool:
    """Whether it begins with the one blank line that ends the header lines, and has no other."""
    return (
        text.startswith(b"\r\n")
        and text.endswith(b"\r\n")
        and b"\r\n\r\n" not in text
        and b" " not in text
        and b"\t" not in text
    )


def _armoured(kind: bytes, base64_text: bytes) -> bytes:
    text, checksum = base64_text, b""
    # Padding stands in the last four characters only, so a `=` before them begins a checksum.
    if text[-5:-4] == b"=":
        text, checksum = text[:-5], text[-5:]
    lines = [b"", *(text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS))]
    if checksum:
        lines.append(checksum)
    return _between(kind, b"\r\n".join([*lines, b""]))


def _between(kind: bytes, text: bytes) -> bytes:
    return b"".join((b"-----BEGIN PGP %b-----\r\n" % kind, text, b"-----END PGP %b-----\r\n" % kind))
