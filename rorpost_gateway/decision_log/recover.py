"""Where a log ends: what the writer must know before it adds the next entry.

The newest file is read whole and its chain checked from the last line of the
file before it. What a crash can leave is told apart from damage:

- a last line without its newline that is whole and in its place: an entry;
- other bytes after the last newline: torn;
- the same, closed by a newline, after a crash between that newline and the
  `torn` entry that tells of it: torn, if it begins as the next entry would and
  is no JSON object;
- a newest file without its `day` entry (the crash came right after its creation).

Anything else is LogDamaged, with file, line and entry number. No bytes are ever
taken away.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import day_files
from rorpost_gateway.decision_log.line import FIRST_PREV, LINE_OCTETS, head_before_time, leaf
from rorpost_gateway.decision_log.read_back import (
    Piece,
    damaged,
    object_and_more,
    open_file,
    parse_object,
    pieces,
    sha256_of,
)

REGION_LINES = 100  # a region holds a line for each crash that came while it was being closed


@dataclass(frozen=True, kw_only=True)
class Torn:
    """Bytes that are no line. `length` is without the newline that closes them."""

    file: str
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FileSummary:
    """A day file as its `day` entry in the next one tells of it."""

    name: str
    first: int
    last: int
    sha256: str


@dataclass(kw_only=True)
class Tail:
    """The end of the log: the next entry's `n` and `prev`, and what must be mended first."""

    next_n: int = 0
    prev: str = FIRST_PREV
    file: str | None = None  # the newest file; None where there is none
    first: int | None = None  # its first entry
    opened: bool = False  # it has its `day` (or genesis) entry
    digest: Any = field(default_factory=hashlib.sha256)  # of its bytes so far
    size: int = 0  # in octets
    needs_newline: bool = False
    torn: Torn | None = None  # bytes at the end that no `torn` entry tells of yet
    before: FileSummary | None = None  # the file before, where `day` is still to be written


def find_tail(folder: Path) -> Tail:
    """Read the end of the log in `folder`. Raises LogDamaged, OSError."""
    files = day_files(folder)
    if not files:
        return Tail()
    if len(files) == 1:
        return _Scan(files[0], next_n=0, prev=FIRST_PREV, opening=Event.GENESIS).run()
    older, newest = files[-2:]
    last_n, last_leaf = _last_entry(older)
    tail = _Scan(newest, next_n=last_n + 1, prev=last_leaf, opening=Event.DAY).run()
    if not tail.opened:
        tail.before = _summary(older, last_n)
    return tail


def genesis_vkey(folder: Path) -> str | None:
    """The verifier key in the log's genesis entry; None where there is no entry yet.

    Raises LogDamaged where the first file does not begin with one.
    """
    files = day_files(folder)
    if not files:
        return None
    with open_file(files[0]) as file:
        for number, piece in enumerate(pieces(file), 1):
            entry = parse_object(piece.octets)
            if entry is not None and entry.get("event") == Event.GENESIS:
                return str(entry.get("vkey"))
            if entry is not None and entry.get("event") != Event.TORN:
                damaged(files[0], number, 0, "the log does not begin with its genesis entry")
    return None


class _Scan:
    """One pass over a file from a known place in the chain."""

    def __init__(self, path: Path, *, next_n: int, prev: str, opening: Event) -> None:
        self._path = path
        self._opening = opening
        self._tail = Tail(next_n=next_n, prev=prev, file=path.name)
        self._line = 0
        self._offset = 0
        self._region_at: int | None = None  # where bytes began that are no line
        self._region_line = 0
        self._region_fault: str | None = None  # why they cannot be what a crash left

    def run(self) -> Tail:
        with open_file(self._path) as file:
            for piece in pieces(file):
                self._line += piece.begins
                self._take(piece)
                self._tail.digest.update(piece.octets + b"\n" * piece.closed)
                self._offset += len(piece.octets) + piece.closed
                self._tail.needs_newline = not piece.closed
        self._tail.size = self._offset
        if self._region_at is not None:
            self._end_in_region(self._region_at)
        return self._tail

    def _take(self, piece: Piece) -> None:
        entry = parse_object(piece.octets) if piece.whole else None
        if entry is not None and self._in_place(piece.octets, entry) and self._tells_of_region(entry):
            self._region_at = None
            self._entry(piece.octets, entry)
            return
        if self._region_at is None:
            self._region_at, self._region_line, self._region_fault = self._offset, self._line, None
        self._region_fault = self._region_fault or self._fault(piece, entry)
        if self._region_fault is not None and self._line - self._region_line > REGION_LINES:
            self._end_in_region(self._region_at)

    def _in_place(self, line: bytes, entry: dict[str, Any]) -> bool:
        if not line.startswith(head_before_time(self._tail.next_n, self._tail.prev)):
            return False
        event = entry.get("event")
        if self._tail.opened:
            return event not in (Event.GENESIS, Event.DAY)
        return event in (self._opening, Event.TORN)

    def _tells_of_region(self, entry: dict[str, Any]) -> bool:
        """Whether torn bytes come right before it exactly where it is the `torn` entry that says so."""
        torn, region_at = entry.get("event") == Event.TORN, self._region_at
        if region_at is None:
            return not torn
        length = self._offset - 1 - region_at
        if not torn or entry.get("file") != self._path.name:
            return False
        if (entry.get("offset"), entry.get("length")) != (region_at, length):
            return False
        return bool(entry.get("sha256") == sha256_of(self._path, region_at, length))

    def _fault(self, piece: Piece, entry: dict[str, Any] | None) -> str | None:
        """Why a line that is not in its place is no torn one; None where it may be."""
        head = head_before_time(self._tail.next_n, self._tail.prev)
        if entry is not None:
            if entry.get("n") != self._tail.next_n:
                return f"entry number {entry.get('n')!r} where {self._tail.next_n} belongs"
            if entry.get("prev") != self._tail.prev:
                return "prev is not the hash of the line before"
            return "a line out of its place"
        begins_as_it = piece.whole and piece.octets and head.startswith(piece.octets[: len(head)])
        if piece.closed and not begins_as_it:
            return "no JSON object"
        if not piece.closed and piece.whole and object_and_more(piece.octets):
            return "a line that does not end where its object ends"
        return None

    def _entry(self, line: bytes, entry: dict[str, Any]) -> None:
        tail = self._tail
        if tail.first is None:
            tail.first = tail.next_n
        tail.opened = tail.opened or entry.get("event") == self._opening
        tail.next_n += 1
        tail.prev = leaf(line)

    def _end_in_region(self, region_at: int) -> None:
        if self._region_fault is not None:
            damaged(self._path, self._region_line, self._tail.next_n, self._region_fault)
        length = self._offset - region_at - (not self._tail.needs_newline)
        self._tail.torn = Torn(
            file=self._path.name,
            offset=region_at,
            length=length,
            sha256=sha256_of(self._path, region_at, length),
        )


def _last_entry(path: Path) -> tuple[int, str]:
    """Entry number and leaf of the last line of a file that was left in order."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LINE_OCTETS - 1))
        octets = file.read()
    if not octets.endswith(b"\n"):
        damaged(path, 0, 0, "a file that is not the newest has no newline at its end")
    line = octets[:-1].rpartition(b"\n")[2]
    entry = parse_object(line)
    if entry is None or not isinstance(entry.get("n"), int):
        damaged(path, 0, 0, "the last line is no entry")
    return entry["n"], leaf(line)


def _summary(path: Path, last: int) -> FileSummary:
    with open_file(path) as file:
        first = next((entry for piece in pieces(file) if (entry := parse_object(piece.octets))), {})
    if not isinstance(first.get("n"), int):
        damaged(path, 1, 0, "no entry with a number")
    sha256 = sha256_of(path, 0, path.stat().st_size)
    return FileSummary(name=path.name, first=first["n"], last=last, sha256=sha256)
