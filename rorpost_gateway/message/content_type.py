"""The Content-Type field: type, parameters, and where in the text each parameter stands.

RFC 2045, section 5.1. A parameter given twice, or a boundary in the split or
encoded forms of RFC 2231, could be read in two ways and is refused. Empty
parameters (a semicolon at the end) and unquoted values with odd characters have
one reading and are taken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rorpost_gateway.message.grammar import CFWS, LOOSE_VALUE, QUOTED, WORD, Unreadable

_TYPE = re.compile(rf"{CFWS}(?P<main>{WORD}){CFWS}/{CFWS}(?P<sub>{WORD}){CFWS}")
_PARAMETER = re.compile(
    rf";{CFWS}(?:(?P<name>{WORD}){CFWS}={CFWS}"
    rf"(?:(?P<quoted>{QUOTED})|(?P<loose>{LOOSE_VALUE})){CFWS})?"
)
_QUOTED_PAIR = re.compile(r"\\(.)")
_FOLD = re.compile(r"\r\n(?=[ \t])")


@dataclass(frozen=True, kw_only=True)
class ContentType:
    """`kind` is `type/subtype` and parameter names are lower case; values are unquoted, in their own case.

    `spans` says where each parameter stands in the text that was read, from its
    semicolon to the next one's.
    """

    kind: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    @property
    def is_multipart(self) -> bool:
        return self.kind.startswith("multipart/")

    @property
    def boundary(self) -> str:
        """The boundary; empty for what is not multipart."""
        return self.parameters.get("boundary", "") if self.is_multipart else ""


def read_content_type(text: str) -> ContentType:
    """Read a field value, folded or not. Raises Unreadable."""
    match = _TYPE.match(text)
    if match is None:
        raise Unreadable("no type and subtype")
    kind = f"{match['main']}/{match['sub']}".lower()
    parameters: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    position = match.end()
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise Unreadable("a parameter that cannot be read")
        if match["name"] is not None:
            name = match["name"].lower()
            if name in parameters:
                raise Unreadable("a parameter given twice")
            parameters[name] = match["loose"] or _unquoted(match["quoted"])
            spans[name] = match.span()
        position = match.end()
    content_type = ContentType(kind=kind, parameters=parameters, spans=spans)
    if content_type.is_multipart:
        _check_boundary(parameters)
    return content_type


def _unquoted(text: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", _FOLD.sub("", text[1:-1]))


def _check_boundary(parameters: Mapping[str, str]) -> None:
    if any(name.startswith("boundary*") for name in parameters):
        raise Unreadable("a boundary in RFC 2231 form")
    boundary = parameters.get("boundary", "")
    # RFC 2046, 5.1.1 allows 70 octets; longer ones are seen and have one reading.
    if not 0 < len(boundary) <= 250 or boundary.endswith(" ") or not boundary.isprintable():
        raise Unreadable("multipart without a usable boundary")
