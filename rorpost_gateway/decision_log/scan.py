"""A day file read from a known place in the chain: what is an entry, what was torn, what is damage.

A line that a checkpoint covers is compared with its hash there and not looked into,
a tile's lines at a time while nothing is odd. Any other is read: number, chain, and
`torn` entries with the bytes they name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.line import LINE_OCTETS, head_before_time, leaf_hash
from rorpost_gateway.decision_log.read_back import (
    Piece,
    damaged,
    object_and_more,
    open_file,
    parse_object,
    pieces,
    sha256_of,
)
from rorpost_gateway.decision_log.tail import (
    CHECKPOINTS_NAME,
    REGION_LINES,
    FileSummary,
    Leaves,
    Tail,
    Torn,
)

_TORN = f'"event":"{Event.TORN}"'.encode()


class Scan:
    """One pass over a file from a known place in the chain. `run` it once."""

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
        """Where the file ends. Raises LogDamaged, OSError."""
        skimmed = False
        with open_file(self._path) as file:
            for piece in pieces(file):
                self._line += piece.begins
                self._take(piece)
                self._tail.digest.update(piece.octets + b"\n" * piece.closed)
                self._offset += len(piece.octets) + piece.closed
                self._tail.needs_newline = not piece.closed
                if self._tail.opened and piece.closed and not skimmed:
                    self._skim(file)
                    skimmed = True
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

    def _skim(self, file: BinaryIO) -> None:
        """Take covered lines a tile at a time, up to the first tile in which something is not as it was."""
        tail = self._tail
        while self._covered is not None and tail.next_n < self._covers:
            leaves = self._covered.leaves_from(tail.next_n)
            lines = [file.readline(LINE_OCTETS + 1) for _ in leaves]
            # Only the last of a file can end with something else: a line that is cut is none of these.
            if not lines[-1].endswith(b"\n") or [leaf_hash(line[:-1]) for line in lines] != leaves:
                file.seek(self._offset)
                return
            octets = b"".join(lines)
            tail.digest.update(octets)
            self._offset += len(octets)
            self._line += len(lines)
            tail.next_n += len(lines)
            tail.prev = leaves[-1].hex()

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
