"""A bounded walk over the MIME structure, without decoding and without copying bodies.

Delimiter lines are found by searching, never by going line by line. Depth, number of
parts, size of a part's header and the number of delimiter look-alikes are bounded, so
that the time is linear in the size of the message. A part is split by its parents
first, so an inner part never reaches beyond an outer delimiter.

RFC 2046, section 5.1.1 (delimiters) and 5.2.1 (message/rfc822).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rorpost_gateway.errors import MessageTooComplex
from rorpost_gateway.message.content_type import ContentType, read_content_type
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.message.parse import Message

DEPTH = 20
PARTS = 1000
PART_HEADER_OCTETS = 256 * 1024
LOOK_ALIKES = 20_000

_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*+(?:\r\n|\Z)")
# Blanks before the colon are none of RFC 5322's, and mail clients read such a field all the same.
_VALUE = rb"[ \t]*+:((?>(?:[^\r\n]++|\r\n[ \t])*))"
_CONTENT_TYPE = re.compile(rb"^content-type" + _VALUE, re.IGNORECASE | re.MULTILINE)
_ENCODING = re.compile(rb"^content-transfer-encoding" + _VALUE, re.IGNORECASE | re.MULTILINE)
_UNENCODED = {b"", b"7bit", b"8bit", b"binary"}
_MESSAGES = {"message/rfc822", "message/global", "message/news"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One node. Its body is `octets[body_offset:end]` of the message.

    `content_type` is None where the field is missing; where it cannot be read,
    `readable` is False: such a part cannot be looked into. Depth 0 is the message itself.
    """

    depth: int
    start: int
    body_offset: int
    end: int
    content_type: ContentType | None
    encoding: str  # Content-Transfer-Encoding, lower case; empty where there is none; each, if they differ
    readable: bool = True

    @property
    def kind(self) -> str:
        """`type/subtype`; text/plain where there is no field (RFC 2045, section 5.2)."""
        return self.content_type.kind if self.content_type else "text/plain"


def check_structure(message: Message) -> tuple[Part, ...]:
    """Every part of the message, parents first.

    Raises MessageTooComplex beyond 20 levels, 1,000 parts, or the other bounds.
    """
    walk = _Walk(message.octets)
    found: list[Part] = []
    waiting = [root(message)]
    while waiting:
        part = waiting.pop()
        found.append(part)
        children = list(walk.children(part))
        if len(found) + len(waiting) + len(children) > PARTS:
            raise _too_complex(f"more than {PARTS} parts")
        waiting.extend(reversed(children))
    return tuple(found)


def root(message: Message) -> Part:
    """The message itself as a part."""
    encodings = message.named("content-transfer-encoding")
    return Part(
        depth=0,
        start=0,
        body_offset=message.body_offset,
        end=len(message.octets),
        content_type=message.content_type,
        encoding=encodings[0].value.lower() if encodings else "",
    )


def children(message: Message, part: Part) -> Iterator[Part]:
    """The parts right inside `part`, found one by one. Raises MessageTooComplex."""
    return _Walk(message.octets).children(part)


class _Walk:
    """One walk over one message; it counts what must stay bounded."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._look_alikes = 0
        self._parts = 0

    def children(self, part: Part) -> Iterator[Part]:
        if not part.readable or part.encoding.encode("ascii", "replace") not in _UNENCODED:
            return
        if part.content_type is not None and part.content_type.is_multipart:
            for start, end in self._sections(part, b"--" + part.content_type.boundary.encode("ascii")):
                yield self._part(start, end, part.depth + 1)
        elif part.kind in _MESSAGES:
            yield self._part(part.body_offset, part.end, part.depth + 1)

    def _sections(self, part: Part, delimiter: bytes) -> Iterator[tuple[int, int]]:
        """Where the body parts between delimiter lines begin and end.

        A part without its closing delimiter ends where its parent does.
        """
        begins = -1
        for line, after, closing in self._delimiters(part, delimiter):
            if begins >= 0:
                yield begins, max(begins, line - 2)  # the line end before it belongs to the delimiter
            begins = after
            if closing:
                return
        if begins >= 0:
            yield begins, part.end

    def _delimiters(self, part: Part, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
        """Delimiter lines: where each begins, where the next line begins, whether it closes."""
        octets, position = self._octets, part.body_offset
        if not octets.startswith(delimiter, position, part.end):
            position = self._next_line(delimiter, position, part.end)
        while position >= 0:
            match = _AFTER_BOUNDARY.match(octets, position + len(delimiter), part.end)
            if match is None:
                self._look_alikes += 1
                if self._look_alikes > LOOK_ALIKES:
                    raise _too_complex("too many lines that look like delimiters")
                after = position + len(delimiter)
            else:
                after = match.end()
                yield position, after, match[1] is not None
            # The line end after a delimiter line may be the one before the next.
            position = self._next_line(delimiter, max(position, after - 2), part.end)

    def _next_line(self, delimiter: bytes, start: int, end: int) -> int:
        found = self._octets.find(b"\r\n" + delimiter, start, end)
        return found + 2 if found >= 0 else -1

    def _part(self, start: int, end: int, depth: int) -> Part:
        self._parts += 1
        if depth > DEPTH:
            raise _too_complex(f"more than {DEPTH} levels")
        if self._parts > PARTS:
            raise _too_complex(f"more than {PARTS} parts")
        header_end, body_offset = self._header(start, end)
        header = self._octets[start:header_end]
        content_type, readable = _content_type(header)
        return Part(
            depth=depth,
            start=start,
            body_offset=body_offset,
            end=end,
            content_type=content_type,
            encoding=_encoding(header),
            readable=readable,
        )

    def _header(self, start: int, end: int) -> tuple[int, int]:
        """Where a part's header ends and where its body begins."""
        if self._octets.startswith(b"\r\n", start, end):
            return start, start + 2
        blank = self._octets.find(b"\r\n\r\n", start, end)
        header_end = end if blank < 0 else blank + 2
        if header_end - start > PART_HEADER_OCTETS:
            raise _too_complex("a part whose header is too large")
        return header_end, min(header_end + 2, end)


def _content_type(header: bytes) -> tuple[ContentType | None, bool]:
    found = _CONTENT_TYPE.findall(header)
    if not found:
        return None, True
    if len(found) > 1:
        return None, False
    try:
        return read_content_type(found[0].decode("latin-1").replace("\r\n", "").strip(" \t")), True
    except Unreadable:
        return None, False


def _encoding(header: bytes) -> str:
    values = (value.replace(b"\r\n", b"").strip(b" \t;").lower() for value in _ENCODING.findall(header))
    return b", ".join(dict.fromkeys(values)).decode("latin-1")


def _too_complex(what: str) -> MessageTooComplex:
    return MessageTooComplex("the message is too complex", private=what)
