"""The text of a part as a reader sees it, up to a bound.

Nothing is refused here: what is broken is read as leniently as the most lenient mail client would.
RFC 2045, section 6; RFC 3676 (format=flowed).
"""

import binascii
from dataclasses import dataclass

from rorpost_gateway.content.html import text_of_html
from rorpost_gateway.content.visible import visible
from rorpost_gateway.message import Message, Part
from rorpost_gateway.message.encoded_words import decode_text

HTML = frozenset({"text/html", "application/xhtml+xml"})
PLAIN = frozenset({"text/plain", "text/enriched", "text/richtext", "text/rfc822-headers", "text/markdown"})
_ASCII = frozenset({"", "ascii", "us-ascii"})


@dataclass(frozen=True, kw_only=True)
class Text:
    """`whole` is False where the part is longer than was read."""

    text: str
    whole: bool


def is_text(part: Part) -> bool:
    return part.kind in HTML or part.kind in PLAIN


def read_text(message: Message, part: Part, *, most_octets: int) -> Text:
    """The text of a part, its first `most_octets` octets as transferred; lines end with LF."""
    end = min(part.end, part.body_offset + most_octets)
    octets = decode_leniently(message.octets[part.body_offset : end], part.encoding)
    parameters = part.content_type.parameters if part.content_type else {}
    text = _decoded(parameters.get("charset", "").lower(), octets).replace("\r\n", "\n").replace("\r", "\n")
    if part.kind in HTML:
        text = text_of_html(text)
    elif parameters.get("delsp", "").lower() == "yes":
        text = text.replace(" \n", "")
    return Text(text=visible(text), whole=end == part.end)


def decode_leniently(octets: bytes, encoding: str) -> bytes:
    """What a body stands for; what is no base64 in it is passed over. Never fails."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding == "base64":
        return b"".join(map(_of_base64, filter(None, octets.split(b"="))))
    return octets


def _of_base64(piece: bytes) -> bytes:
    letters = piece.translate(None, _NO_BASE64)
    whole = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(whole + b"===")


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64 = bytes(set(range(256)) - set(_BASE64))


def _decoded(charset: str, octets: bytes) -> str:
    """Where ASCII or UTF-8 is stated and it is not, windows-1252 is what was meant."""
    if charset in _ASCII or charset in {"utf-8", "utf8"}:
        try:
            return octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            cut = error.end == len(octets) and error.reason == "unexpected end of data"
            return octets.decode("utf-8" if cut else "windows-1252", "replace")
    return decode_text(charset, octets)
