"""The text of a part as a reader sees it, up to a bound.

Nothing is refused here: what is broken is read as leniently as the most lenient mail client would.
RFC 2045, section 6; RFC 3676 (format=flowed).
"""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rorpost_gateway.content.html import text_of_html
from rorpost_gateway.content.kinds import HEAD_OCTETS, TEXT, kind_of
from rorpost_gateway.content.visible import visible
from rorpost_gateway.message import Message, Part
from rorpost_gateway.message.encoded_words import decode_text

HTML = frozenset({"text/html", "application/xhtml+xml"})
ENRICHED = frozenset({"text/enriched", "text/richtext"})
CALENDAR = frozenset({"text/calendar", "application/ics"})
_READ_AS_TEXT = frozenset({TEXT, "text/html", "text/calendar", "application/xml", "text/x-shellscript"})
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ASCII = frozenset({"", "ascii", "us-ascii"})


@dataclass(frozen=True, kw_only=True)
class Text:
    """`whole` is False where the part is longer than was read."""

    text: str = field(repr=False)
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Form:
    """As what the content of a part may be shown. `found` is the type by its first octets."""

    found: str
    as_text: bool
    as_html: bool


def form_of(message: Message, part: Part, names: Sequence[str]) -> Form:
    """What is stated counts, and what is found: a text is one whatever it is called."""
    end = min(part.end, part.body_offset + HEAD_OCTETS)
    found = kind_of(decode_leniently(message.octets[part.body_offset : end], part.encoding))
    stated = part.kind
    readable = found in _READ_AS_TEXT
    named_html = readable and any(name.lower().rstrip(" .").endswith((".htm", ".html")) for name in names)
    return Form(
        found=found,
        as_text=stated not in HTML and (stated.startswith(("text/", "message/")) or readable),
        as_html=stated in HTML or found == "text/html" or named_html,
    )


def read_text(message: Message, part: Part, *, most_octets: int, html: bool) -> Text:
    """The text of a part, its first `most_octets` octets as transferred; lines end with LF."""
    end = min(part.end, part.body_offset + most_octets)
    octets = decode_leniently(message.octets[part.body_offset : end], part.encoding)
    parameters = part.content_type.parameters if part.content_type else {}
    text = _decoded(parameters.get("charset", "").lower(), octets).replace("\r\n", "\n").replace("\r", "\n")
    if html:
        text = text_of_html(text)
    elif part.kind in ENRICHED:
        text = _ENRICHED_TAG.sub(lambda tag: "<" if tag[0] == "<<" else "", text)
    elif part.kind in CALENDAR or _CALENDAR.match(text):
        text = _text_of_calendar(text)
    elif parameters.get("delsp", "").lower() == "yes":
        text = text.replace(" \n", "")
    return Text(text=visible(text), whole=end == part.end)


# RFC 1896: a smaller-than sign is written twice.
_ENRICHED_TAG = re.compile(r"<<|</?[A-Za-z][A-Za-z-]{0,60}>")
_CALENDAR = re.compile(r"\ufeff?\s{0,9}BEGIN:VCALENDAR", re.IGNORECASE)
_IN_WORDS = re.compile(r"^(?:DESCRIPTION|COMMENT|X-ALT-DESC)[^:\n]{0,200}:", re.IGNORECASE | re.MULTILINE)


def _text_of_calendar(text: str) -> str:
    """RFC 5545, sections 3.1 (folded lines) and 3.3.11 (line ends within a value)."""
    text = text.replace("\n ", "").replace("\n\t", "")
    text = text.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";")
    return _IN_WORDS.sub("\n", text)


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
    if octets.startswith(WIDE_MARKS):
        return octets.decode("utf-16", "replace")
    if charset in _ASCII or charset in {"utf-8", "utf8"}:
        try:
            return octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            cut = error.end == len(octets) and error.reason == "unexpected end of data"
            return octets.decode("utf-8" if cut else "windows-1252", "replace")
    return decode_text(charset, octets)
