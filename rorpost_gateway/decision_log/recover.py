"""Where a log ends: what the writer must know before it adds the next entry.

Lines that the last checkpoint covers are compared with the hashes it was made of; of
older files only the ends are looked at. Lines after it are read and their chain is
checked. What a crash can leave is told apart from damage:

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import day_files
from rorpost_gateway.decision_log.line import FIRST_PREV, LINE_OCTETS, head_before_time, leaf_hash
from rorpost_gateway.decision_log.purged import Leaves, purge_told
from rorpost_gateway.decision_log.read_back import (
    Piece,
    damaged,
    object_and_more,
    open_file,
    parse_object,
    pieces,
    sha256_of,
)

CHECKPOINTS_NAME = "checkpoints"
_TORN = f'"event":"{Event.TORN}"'.encode()
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
    lines: int = 0  # of its bytes, whatever they are
    vkey: str | None = None  # of the last genesis or `key` entry among those that were read as JSON


def find_tail(
    folder: Path, covered: Leaves | None = None, on_leaf: Callable[[bytes], None] = lambda _: None
) -> Tail:
    """Read the end of the log in `folder`. Raises LogDamaged, OSError.

    `covered` tells the leaves that the last checkpoint covers: those lines are compared
    with it and not read further, and older files are seen only where they join. Without
    it the whole log is read. `on_leaf` hears of every entry that is not covered, in order.
    """
    files = day_files(folder)
    if not files:
        _see_whole(folder, Tail(), covered)
        return Tail()
    begin, n = _where_to_begin(files, covered)
    prev = FIRST_PREV if n == 0 or covered is None else covered.leaf(n - 1).hex()
    vkey = None
    before: FileSummary | None = None
    for path in files[begin:]:
        opening = Event.GENESIS if n == 0 else Event.DAY
        scan = _Scan(
            path, next_n=n, prev=prev, opening=opening, covered=covered, on_leaf=on_leaf, before=before
        )
        tail = scan.run()
        n, prev, vkey = tail.next_n, tail.prev, tail.vkey or vkey
        if path != files[-1]:
            before = _left_in_order(path, tail)
    _see_whole(files[-1], tail, covered)
    tail.vkey = vkey
    if not tail.opened and len(files) > 1:
        tail.before = before or _summary(files[-2], (tail.first or tail.next_n) - 1)
    return tail


def _where_to_begin(files: Sequence[Path], covered: Leaves | None) -> tuple[int, int]:
    """Index and first entry of the oldest file that must be read; the older ones join, file to file."""
    if covered is None or covered.size == 0:
        return 0, 0
    begin, next_first = None, None
    for at in range(len(files) - 1, -1, -1):
        first = _first_entry(files[at])
        if begin is None and first is not None and first <= covered.size:
            begin = (at, first)
        elif begin is not None and next_first is not None:
            _see_joined(files[at], next_first, covered)
        next_first = first if first is not None else next_first
    if begin is None:
        damaged(files[-1], 0, covered.size, "no file holds the entries after the last checkpoint")
    if next_first and not purge_told(files, next_first - 1, covered):
        damaged(files[0], 1, next_first, "the entries before it are gone, and no `purged` entry says so")
    return begin


def _see_joined(path: Path, next_first: int, covered: Leaves) -> None:
    """That a file's last line is the entry before the next file's first one."""
    last, leaf_octets = _last_entry(path)
    if last != next_first - 1:
        damaged(path, 0, last, f"ends with entry {last}, and the next file begins with {next_first}")
    if leaf_octets != covered.leaf(last):
        damaged(path, 0, last, "the last line is not the one that the checkpoint covers")


def _see_whole(path: Path, tail: Tail, covered: Leaves | None) -> None:
    if covered is not None and tail.next_n < covered.size:
        text = f"the log ends here, and its last checkpoint covers {covered.size} entries"
        damaged(path, tail.lines, tail.next_n, text)


def _left_in_order(path: Path, tail: Tail) -> FileSummary:
    """What the next file's `day` entry must say of a file that was read whole."""
    if not tail.opened or tail.torn is not None or tail.needs_newline or tail.first is None:
        damaged(path, tail.lines, tail.next_n, "a file that is not the newest does not end with a whole line")
    return FileSummary(name=path.name, first=tail.first, last=tail.next_n - 1, sha256=tail.digest.hexdigest())


class _Scan:
    """One pass over a file from a known place in the chain."""

    def __init__(
        self,
        path: Path,
        *,
        next_n: int,
        prev: str,
        opening: Event,
        covered: Leaves | None,
        on_leaf: Callable[[bytes], None],
        before: FileSummary | None,
    ) -> None:
        self._path = path
        self._opening = opening
        self._opening_octets = f'"event":"{opening}"'.encode()
        self._covered = covered
        self._covers = 0 if covered is None else covered.size
        self._on_leaf = on_leaf
        self._before = before
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
        self._tail.lines = self._line
        if self._region_at is not None:
            self._end_in_region(self._region_at)
        return self._tail

    def _take(self, piece: Piece) -> None:
        if self._tail.next_n < self._covers and self._region_at is None and self._is_covered(piece):
            return
        entry = parse_object(piece.octets) if piece.whole else None
        if entry is not None and self._in_place(piece.octets, entry) and self._tells_of_region(entry):
            self._region_at = None
            self._see_day(entry)
            self._entry(leaf_hash(piece.octets), opens=entry.get("event") == self._opening)
            self._note_key(entry)
            return
        if self._region_at is None:
            self._region_at, self._region_line, self._region_fault = self._offset, self._line, None
        self._region_fault = self._region_fault or self._fault(piece, entry)
        if self._region_fault is not None and self._line - self._region_line > REGION_LINES:
            self._end_in_region(self._region_at)

    def _is_covered(self, piece: Piece) -> bool:
        """Take a line that the checkpoint covers by its hash alone."""
        leaf = leaf_hash(piece.octets)
        if not piece.whole or self._covered is None or leaf != self._covered.leaf(self._tail.next_n):
            return False
        opens = not self._tail.opened and self._opening_octets in piece.octets
        if not (opens or self._tail.opened or _TORN in piece.octets):
            damaged(self._path, self._line, self._tail.next_n, f"no {self._opening} entry before it")
        self._entry(leaf, opens=opens)
        return True

    def _in_place(self, line: bytes, entry: dict[str, Any]) -> bool:
        if not line.startswith(head_before_time(self._tail.next_n, self._tail.prev)):
            return False
        event = entry.get("event")
        if self._tail.opened:
            return event not in (Event.GENESIS, Event.DAY)
        return event in (self._opening, Event.TORN)

    def _tells_of_region(self, entry: dict[str, Any]) -> bool:
        """Whether torn bytes come right before it exactly where it is the `torn` entry that says so."""
        # What was torn in `checkpoints` lies there, not here.
        torn = entry.get("event") == Event.TORN and entry.get("file") != CHECKPOINTS_NAME
        region_at = self._region_at
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

    def _entry(self, leaf: bytes, *, opens: bool) -> None:
        tail = self._tail
        if tail.next_n >= self._covers:
            self._on_leaf(leaf)
        elif self._covered is not None and leaf != self._covered.leaf(tail.next_n):
            damaged(self._path, self._line, tail.next_n, "not the line that the checkpoint covers")
        if tail.first is None:
            tail.first = tail.next_n
        tail.opened = tail.opened or opens
        tail.next_n += 1
        tail.prev = leaf.hex()

    def _see_day(self, entry: dict[str, Any]) -> None:
        """Where the file before was read too, that the `day` entry tells the truth of it."""
        before = self._before
        if before is None or entry.get("event") != Event.DAY:
            return
        said = (entry.get("file"), entry.get("first"), entry.get("last"), entry.get("sha256"))
        if said != (before.name, before.first, before.last, before.sha256):
            damaged(self._path, self._line, self._tail.next_n, f"not what {before.name} holds")

    def _note_key(self, entry: dict[str, Any]) -> None:
        if entry.get("event") in (Event.GENESIS, Event.KEY):
            self._tail.vkey = str(entry.get("vkey"))

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


def _first_entry(path: Path) -> int | None:
    """The number of the first entry in a file; None where no crash let it come so far."""
    with open_file(path) as file:
        for piece in pieces(file):
            entry = parse_object(piece.octets)
            if entry is not None and type(entry.get("n")) is int:
                return int(entry["n"])
    return None


def _last_entry(path: Path) -> tuple[int, bytes]:
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
    return entry["n"], leaf_hash(line)


def _summary(path: Path, last: int) -> FileSummary:
    with open_file(path) as file:
        first = next((entry for piece in pieces(file) if (entry := parse_object(piece.octets))), {})
    if not isinstance(first.get("n"), int):
        damaged(path, 1, 0, "no entry with a number")
    sha256 = sha256_of(path, 0, path.stat().st_size)
    return FileSummary(name=path.name, first=first["n"], last=last, sha256=sha256)
