"""One line of a file with a part of it underlined, as wide as there is room. Pure.

Columns are counted in characters by whoever found something, and in cells by whoever looks at a
terminal: a tab takes four, å written as two characters takes one, 漢 takes two. Characters that
nobody would see are shown by their codes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from rorpost_gateway.document import REST, WORD

TAB = "→   "
CUT = "…"
LEAST_ROOM = 20

# What stands behind such a key is a secret, even where it must not stand there.
_SECRET_WORD = re.compile("(?i)passw|passphrase|secret|token|pwd")
_TO_COLON = re.compile(r"""[\w-]{0,100}["']?[ \t]{0,100}:(?=[ \t]|$)""")
_NO_SECRET = re.compile(r"""(?i)_(?:file|url)["']?[ \t]*:$""")
_PLAIN_END = re.compile(r":(?=[ \t]|$)|[ \t]+#|[ \t]*$")
_PLAIN_END_IN_BRACKETS = re.compile(r":(?=[ \t]|$)|[ \t]+#|[ \t]*(?:[,\]}]|$)")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A line as it is shown, and which of its cells (from 0, `width` of them) are underlined."""

    text: str
    indent: int
    width: int


def excerpt(line: str, *, column: int, length: int, room: int) -> Excerpt:
    """At most `room` cells of `line` around `column` (counted from 1). `length`: see `Finding`."""
    line = _without_secret(line)
    start = min(column - 1, len(line))
    end = start + max(1, span(line, start, length))
    room = max(room, LEAST_ROOM)
    first, last = _window(line, start, min(end, len(line)), room)
    before = (CUT if first else "") + "".join(_cells(line[first:start]))
    marked = "".join(_cells(line[start : min(end, last)]))
    after = "".join(_cells(line[max(start, min(end, last)) : last])) + (CUT if last < len(line) else "")
    return Excerpt(text=before + marked + after, indent=cell_len(before), width=max(1, cell_len(marked)))


def span(line: str, start: int, length: int) -> int:
    """How many characters from `start` (from 0) on are meant by a length that may be WORD or REST."""
    if length not in (WORD, REST) or start >= len(line):
        return max(0, min(length, len(line) - start))
    opening = line[start]
    if opening in "'\"":
        end = line.find(opening, start + 1)
        return (end + 1 if end >= 0 else len(line)) - start
    if length == REST and opening in _CLOSING:
        return _to_bracket(line, start)
    if length == REST:
        return _length_before(re.compile(r"[ \t]+#|[ \t]*$"), line, start)
    within = line.count("[", 0, start) + line.count("{", 0, start)
    within -= line.count("]", 0, start) + line.count("}", 0, start)
    return _length_before(_PLAIN_END_IN_BRACKETS if within > 0 else _PLAIN_END, line, start)


def _length_before(end: re.Pattern[str], line: str, start: int) -> int:
    found = end.search(line, start)
    return (found.start() if found else len(line)) - start


def _to_bracket(line: str, start: int) -> int:
    """To the bracket that closes the one at `start`, or the end of the line."""
    opening, depth = line[start], 0
    for place in range(start, len(line)):
        depth += (line[place] == opening) - (line[place] == _CLOSING[opening])
        if not depth:
            return place + 1 - start
    return len(line.rstrip()) - start


def _without_secret(line: str) -> str:
    for word in _SECRET_WORD.finditer(line):
        key = _TO_COLON.match(line, word.end())
        if key and not _NO_SECRET.search(key[0]):
            return line[: key.end()] + (" " + CUT if line[key.end() : key.end() + 100].strip() else "")
    return line


def _window(line: str, start: int, end: int, room: int) -> tuple[int, int]:
    """The characters to show: all of them where they fit, else from a little before `start` on."""
    if len(line) <= room and cell_len("".join(_cells(line))) <= room:
        return 0, len(line)
    room -= 2 * len(CUT)
    first = start
    wanted = max(room - _width(line[start : start + min(end - start, room)], room), room // 3)
    while first > 0 and wanted > 0:
        wanted -= cell_len(_cell(line[first - 1]))
        first -= 1 if wanted >= 0 else 0
    last, left = first, room
    while last < len(line):
        left -= cell_len(_cell(line[last]))
        if left < 0:
            break
        last += 1
    return first, last


def _width(text: str, room: int) -> int:
    return min(room, cell_len("".join(_cells(text))))


def _cells(text: str) -> Iterator[str]:
    return map(_cell, text)


def _cell(character: str) -> str:
    """A character as it is shown."""
    if character == "\t":
        return TAB
    if character.isprintable() or character in "\u00a0\u202f":
        return character
    return f"\\u{ord(character):04x}"
