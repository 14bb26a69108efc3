"""What a value without quotes is: text, unless it is surely something else. Pure.

YAML 1.2, section 10.3 (core schema), of which this is the unsurprising part: `yes`, `off`,
`012`, `0x1F`, `1e3` and `08:30` are text.
"""

import re
from datetime import date
from functools import lru_cache

from rorpost_gateway.document.dates import no_such_day
from rorpost_gateway.document.node import Kind, Scalar
from rorpost_gateway.document.syntax import BLANKS

LARGEST_INTEGER = 2**53 - 1  # RFC 7493: what every reader of JSON agrees on

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS: dict[str, tuple[Kind, Scalar]] = {
    "": (Kind.NULL, None),
    "~": (Kind.NULL, None),
    "null": (Kind.NULL, None),
    "true": (Kind.BOOLEAN, True),
    "false": (Kind.BOOLEAN, False),
}
_day = lru_cache(maxsize=1024)(date.fromisoformat)  # one object for the same few days, over and over
# Within a name such a blank does no harm. At its ends, or where it keeps a colon or a comment
# from being one, what is read is not what is seen.
_ODD_BLANK = re.compile(f"^[{BLANKS}]|[{BLANKS}]$|(?<=:)[{BLANKS}]|[{BLANKS}](?=#)")


class Unreadable(Exception):
    """A value that looks like one kind and is none; a placeholder of that kind stands for it."""

    def __init__(self, text: str, kind: Kind, placeholder: Scalar, *, advice: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind
        self.placeholder = placeholder
        self.advice = advice


def resolve(source: str) -> tuple[Kind, Scalar]:
    """Kind and value of a scalar as it was written. Raises Unreadable."""
    if source in _WORDS:
        return _WORDS[source]
    if source[0] not in "-0123456789":
        return Kind.TEXT, source
    if _INTEGER.fullmatch(source):
        if len(source) > 17 or abs(int(source)) > LARGEST_INTEGER:
            raise Unreadable("number too large; if it is text, put it in quotes", Kind.INTEGER, 0)
        return Kind.INTEGER, int(source)
    if _DATE.fullmatch(source):
        try:
            return Kind.DATE, _day(source)
        except ValueError:
            text, advice = f"there is no such day: {source}", no_such_day(source)
            raise Unreadable(text, Kind.DATE, date.min, advice=advice) from None
    if _FLOAT.fullmatch(source):
        return Kind.FLOAT, float(source)
    return Kind.TEXT, source


def odd_blank(source: str) -> str:
    """A character in a value without quotes that looks like a blank and does harm; empty where none is."""
    found = _ODD_BLANK.search(source)
    return found[0] if found else ""
