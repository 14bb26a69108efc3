"""From octets to whole responses: lines, with the literals that stand in them. Pure, and bounded.

A response is a tuple whose even places hold text (without line ends and without the `{n}` of a
literal) and whose odd places hold literals. What is over a bound is refused when it is announced,
before it is read. In status texts, which people write, `{n}` at a line's end is no literal.

RFC 3501, sections 2.2 and 4.3; RFC 9051, section 9.
"""

import re
from dataclasses import dataclass

Response = tuple[bytes, ...]

_LITERAL = re.compile(rb"~?\{([0-9]{1,20})\}\Z")
_STATUS = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)(?: |\Z)", re.IGNORECASE)
_END = b"\r\n"


class Excessive(Exception):
    """More octets than the bounds allow, announced or sent."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of everything between a command and its answer: all of it, and one literal."""

    octets: int = 4 * 1024 * 1024
    literal_octets: int = 65536


class Framer:
    """Takes octets as they come; `begin` at each command."""

    def __init__(self) -> None:
        self._bounds = Bounds()
        self._taken = 0
        self._buffer = bytearray()
        self._scanned = 0
        self._pieces: list[bytes] = []
        self._chunks: list[bytes] = []
        self._missing = 0  # octets of the literal that has begun
        self._in_literal = False

    @property
    def between_responses(self) -> bool:
        """Whether nothing has begun that has not ended."""
        return not (self._buffer or self._pieces or self._in_literal)

    def begin(self, bounds: Bounds) -> None:
        """A command goes out: count anew."""
        self._bounds = bounds
        self._taken = 0

    def feed(self, data: bytes) -> list[Response]:
        """The responses that are whole now. Raises Excessive."""
        self._taken += len(data)
        if self._taken > self._bounds.octets:
            raise Excessive
        if self._in_literal and not self._buffer:
            chunk = data[: self._missing]
            self._take_literal(chunk)
            data = data[len(chunk) :]
        self._buffer += data
        found: list[Response] = []
        position = 0
        while (position_after := self._step(position, found)) > position:
            position = position_after
        del self._buffer[:position]
        self._scanned = max(0, len(self._buffer) - 1)
        return found

    def _step(self, position: int, found: list[Response]) -> int:
        """One piece further, if it is there; the position after it."""
        if self._in_literal:
            chunk = bytes(self._buffer[position : position + self._missing])
            self._take_literal(chunk)
            return position + len(chunk)
        end = self._buffer.find(_END, max(position, self._scanned))
        if end < 0:
            return position
        self._take_line(bytes(self._buffer[position:end]), found)
        return end + len(_END)

    def _take_line(self, line: bytes, found: list[Response]) -> None:
        literal = self._literal(line)
        if literal is None:
            found.append((*self._pieces, line))
            self._pieces.clear()
            return
        octets = int(literal[1])
        if octets > self._bounds.literal_octets:
            raise Excessive
        self._pieces.append(line[: literal.start()])
        self._missing = octets
        self._in_literal = True
        if not octets:
            self._take_literal(b"")

    def _literal(self, line: bytes) -> re.Match[bytes] | None:
        if not self._pieces and (not line.startswith(b"*") or _STATUS.match(line)):
            return None
        return _LITERAL.search(line[-24:]) and _LITERAL.search(line)

    def _take_literal(self, chunk: bytes) -> None:
        self._missing -= len(chunk)
        self._chunks.append(chunk)
        if not self._missing:
            self._pieces.append(b"".join(self._chunks))
            self._chunks.clear()
            self._in_literal = False
