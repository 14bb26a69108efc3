"""A part of a day file, line by line: each line, the numbers, the chain, what opens the file, what was torn.

A part begins where an entry begins (or the file does) with the number and the hash
that are due there, so that parts can be read beside each other; whoever joins them
compares the end of one with the beginning of the next. Memory does not depend on
the length of a line; leaves are kept for the part only.

RFC 6962, section 2.1.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.folder import Broken, open_file, sha256_of
from rorpost_gateway.audit.line import LineFault, begins_with_object, parse_line
from rorpost_gateway.audit.shapes import Shapes

LINE_OCTETS = 16 * 1024  # with its newline
ZEROS = "0" * 64
TIME_OCTETS = 24
TORN_LINES = 100  # torn bytes hold a newline only where a crash came while earlier ones were being closed
CHECKPOINTS = "checkpoints"

# Entries that whoever joins the parts must see.
_NOTABLE = frozenset({"genesis", "day", "key", "purged"})
_IN_FULL = frozenset(event.encode("ascii") for event in _NOTABLE | {"torn"})


@dataclass(frozen=True, kw_only=True)
class Part:
    """The octets `begin` to `end` of a day file, and what is due there.

    `opening` is the event that must begin the file, `opened` says that this has been
    seen; `last` that the file ends here. `mark` is an entry whose line number is wanted.
    """

    path: Path
    begin: int
    end: int
    n: int
    prev: str
    opening: str
    opened: bool
    newest: bool
    last: bool
    mark: int | None = None


@dataclass(frozen=True, kw_only=True)
class Notable:
    """An entry that concerns more than its own place, and its line within the part."""

    line: int
    entry: dict[str, Any]


@dataclass(kw_only=True)
class Reading:
    """What a part holds, up to `fault`. `n` and `prev` are what is due behind it."""

    first: int
    n: int
    prev: str
    opened: bool
    lines: int = 0
    torn: int = 0
    first_time: str = ""
    last_time: str = ""
    unfinished: int = 0
    marked: int | None = None
    notable: list[Notable] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    fault: Broken | None = None


def read_part(part: Part) -> Reading:
    """Read a part. What does not hold stands in the answer; Broken is raised where it cannot be read."""
    reader = _Reader(part)
    try:
        reader.run()
    except _Fault as fault:
        reader.told.fault = fault.broken
    except OSError as error:
        raise Broken(
            file=part.path.name, line=0, entry=part.n, check="file", text=f"cannot be read: {error.strerror}"
        ) from error
    return reader.told


class _Fault(Exception):
    def __init__(self, broken: Broken) -> None:
        super().__init__()
        self.broken = broken


class _Reader:
    def __init__(self, part: Part) -> None:
        self.told = Reading(first=part.n, n=part.n, prev=part.prev, opened=part.opened)
        self._part = part
        self._offset = part.begin
        self._unclosed = 0  # octets after the last newline
        self._torn_at: int | None = None  # where bytes began that are no line
        self._fault: Broken | None = None  # what they are, if no `torn` entry tells of them
        self._shapes = Shapes()
        self._matches = self._shapes.matches
        self._timed = b""  # the last line, where its time was not looked at
        self._time_at = 0

    def run(self) -> None:
        part, told = self._part, self.told
        left = part.end - part.begin
        with open_file(part.path) as file:
            file.seek(part.begin)
            begins = True
            while left > 0 and (octets := file.readline(min(LINE_OCTETS + 1, left))):
                left -= len(octets)
                closed = octets.endswith(b"\n")
                told.lines += begins
                self._unclosed = 0 if closed else len(octets) + (0 if begins else self._unclosed)
                line = octets[:-1] if closed else octets
                if not begins or len(line) >= LINE_OCTETS:
                    self._no_entry("a line over 16 KiB")
                elif not (told.opened and self._torn_at is None and self._known(line)):
                    self._line(line)
                self._offset += len(octets)
                begins = closed
        self._end()

    def _known(self, line: bytes) -> bool:
        """Take a line that goes on from the one before and has a known shape."""
        told = self.told
        n = told.n
        head = b'{"n":%d,"prev":"%b","time":"' % (n, told.prev.encode("ascii"))
        if not line.startswith(head) or n == self._part.mark or not told.first_time:
            return False
        match = self._matches(line, len(head))
        if match is None or match[2] in _IN_FULL:
            return False
        leaf = hashlib.sha256(b"\x00" + line).digest()
        told.n = n + 1
        told.prev = leaf.hex()
        told.leaves.append(leaf)
        self._timed, self._time_at = line, len(head)
        return True

    def _line(self, line: bytes) -> None:
        try:
            entry = parse_line(line)
        except LineFault as fault:
            if fault.is_json:
                self._raise_torn_or("line", str(fault))
            self._no_entry(str(fault))
            return
        self._check_place(entry)
        self._check_meaning(entry)
        self._shapes.learn(entry)
        self._take(line, entry["time"])

    def _take(self, line: bytes, time: str) -> None:
        told = self.told
        if told.n == self._part.mark:
            told.marked = told.lines
        leaf = hashlib.sha256(b"\x00" + line).digest()
        told.first_time = told.first_time or time
        told.last_time = time
        self._timed = b""
        told.n += 1
        told.prev = leaf.hex()
        told.leaves.append(leaf)

    def _no_entry(self, text: str) -> None:
        """Bytes that are no entry may be torn: only a `torn` entry right behind them can say so."""
        if self._fault is None:
            self._torn_at, self._fault = self._offset, self._broken("line", text)
        elif self.told.lines - self._fault.line > TORN_LINES:
            raise _Fault(self._fault)

    def _check_place(self, entry: dict[str, Any]) -> None:
        told, event = self.told, entry["event"]
        if entry["n"] != told.n:
            self._raise_torn_or("number", f"its number is {short(entry['n'])}")
        if entry["prev"] != told.prev:
            self._raise_torn_or("chain", "prev is not the hash of the line before")
        if event != "torn" and self._fault is not None:
            raise _Fault(self._fault)
        if not told.opened and event not in (self._part.opening, "torn"):
            self._raise("opening", f"the file does not begin with its {self._part.opening} entry")
        if told.opened and event in ("genesis", "day"):
            self._raise("opening", f"a {event} entry within a file")

    def _check_meaning(self, entry: dict[str, Any]) -> None:
        event = entry["event"]
        if event == "torn" and entry["file"] != CHECKPOINTS:
            self._check_torn(entry)
        elif event == "torn":
            if self._fault is not None:
                raise _Fault(self._fault)
            self.told.torn += 1
            self._note(entry)
        elif event in _NOTABLE:
            self._note(entry)
            self.told.opened = self.told.opened or event in ("genesis", "day")

    def _note(self, entry: dict[str, Any]) -> None:
        self.told.notable.append(Notable(line=self.told.lines, entry=entry))

    def _check_torn(self, entry: dict[str, Any]) -> None:
        at, length = self._torn_at, entry["length"]
        if at is None or (entry["file"], entry["offset"], length) != (
            self._part.path.name,
            at,
            self._offset - 1 - at,
        ):
            self._raise("torn", "no torn bytes right before it where it says")
        elif sha256_of(self._part.path, at, length) != entry["sha256"]:
            self._raise("torn", "the torn bytes are not those it tells of")
        self._torn_at = self._fault = None
        self.told.torn += 1

    def _end(self) -> None:
        part, told = self._part, self.told
        if self._timed:
            told.last_time = self._timed[self._time_at : self._time_at + TIME_OCTETS].decode("ascii")
        ends = part.newest and part.last
        if self._fault is not None and self._torn_at is not None:
            only_the_last_line = self._torn_at == self._offset - self._unclosed
            if not (ends and self._unclosed and only_the_last_line):
                raise _Fault(self._fault)
            if _object_and_more(part.path, self._torn_at, part.end):
                raise _Fault(self._fault)
            told.unfinished = self._unclosed
        elif not ends and self._unclosed:
            self._raise("line", "no newline at the end of a file that is not the newest")
        if part.last and not part.newest and not told.opened:
            self._raise("opening", "a file without any entry that is not the newest")

    def _raise_torn_or(self, check: str, text: str) -> None:
        raise _Fault(self._fault or self._broken(check, text))

    def _raise(self, check: str, text: str) -> None:
        raise _Fault(self._broken(check, text))

    def _broken(self, check: str, text: str) -> Broken:
        return Broken(
            file=self._part.path.name, line=self.told.lines, entry=self.told.n, check=check, text=text
        )


def short(number: int) -> str:
    return str(number) if number < 1 << 63 else "beyond all measure"


def _object_and_more(path: Path, offset: int, end: int) -> bool:
    # What a daemon has written since, behind `end`, is not looked at.
    with open_file(path) as file:
        file.seek(offset)
        return begins_with_object(file.read(min(LINE_OCTETS, end - offset)))
