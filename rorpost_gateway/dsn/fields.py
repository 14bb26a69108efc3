"""Header fields of a DSN: folding, RFC 2047 words, xtext, dates. Pure.

RFC 5322, section 2.2.3; RFC 2047; RFC 3461, section 4 (xtext).
"""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from email.header import Header
from email.utils import format_datetime

_XTEXT_HEX = re.compile(r"\+([0-9A-F]{2})")
_LINE_CHARACTERS = 76


def from_xtext(text: str | None) -> str | None:
    """Decoded, or None where what comes out is not one line of printable ASCII."""
    plain = _XTEXT_HEX.sub(lambda match: chr(int(match[1], 16)), text or "")
    return plain if re.fullmatch(r"[ -~]{1,500}", plain) else None


def folded(fields: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(_one(name, value) for name, value in fields)


def _one(name: str, value: str) -> bytes:
    lines = [f"{name}:"]
    # Without empty words: a line of nothing but spaces ends a block for some readers.
    for word in value.split():
        if (
            len(lines[-1]) + 1 + len(word) > _LINE_CHARACTERS
            and lines[-1].strip()
            and not lines[-1].endswith(":")
        ):
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def encoded_words(text: str, *, first: int = 0) -> str:
    """RFC 2047, folded with CRLF; `first` characters of the first line are taken already."""
    clean = "".join(c for c in text if c.isprintable())
    return Header(clean, "utf-8", maxlinelen=_LINE_CHARACTERS - first).encode(linesep="\r\n")


def date_time(seconds: float, zone: tzinfo) -> str:
    return format_datetime(datetime.fromtimestamp(int(seconds), zone))


def readable(seconds: float, zone: tzinfo) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M")
