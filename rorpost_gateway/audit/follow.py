"""New lines as they come, with the chain checked from the first one on.

Checked of what comes: each line is an entry; its number and its `prev` go on from
the entry before; a new file begins with a `day` entry that tells of the whole
file before it; octets that are no entry are named by a `torn` entry right behind
them; the file only grows, and stays the file of that name. What lies before the
first line is the verifier's.

No clock and no waiting: whoever follows calls `poll` when it suits. Memory is
bounded, whatever the folder holds.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rorpost_gateway.audit.blocks import BLOCK_OCTETS, LINE_OCTETS
from rorpost_gateway.audit.folder import Broken, day_files, open_file, sha256_of
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.tail import last_lines

CHECKPOINTS = "checkpoints"
TORN_LINES = 100  # as the verifier has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """An entry; `octets` is its line without the newline."""

    octets: bytes
    entry: dict[str, Any]


@dataclass(kw_only=True)
class _File:
    """The file being read. `offset` is where the line begins that is due, or has begun."""

    path: Path
    opened: BinaryIO
    offset: int
    hidden: int = -1  # where the one line begins that is only there to begin the chain with
    begun: bool = False  # its first entry has come
    rest: bytes = b""  # what is there of the next line
    dropped: int = 0  # octets of it that are not kept, since it is too long to be one
    torn_at: int | None = None
    torn_lines: int = 0
    fault: Broken | None = None  # why what is there is no entry, if no `torn` entry tells of it

    @property
    def read_to(self) -> int:
        return self.offset + self.dropped + len(self.rest)


class Follower:
    """Follows the log in `folder`, beginning with the last `last` lines of its newest file."""

    def __init__(self, folder: Path, *, last: int = 0) -> None:
        self._folder = folder
        self._last = last
        self._was_there = True  # when it was first looked for
        self._file: _File | None = None
        self._before: Path | None = None  # the file that was read to its end before this one
        self._next: int | None = None  # the number that is due; None before the first entry
        self._prev = ""

    def poll(self) -> Iterator[Followed]:
        """What has come since. Raises Broken at the first thing that does not hold, OSError.

        A log that is not there yet is waited for; one that goes away does not hold.
        """
        self._file = self._file or self._begin()
        while self._file is not None:
            # Whoever begins a new file has written the one before to its end.
            following = self._following(self._file)
            yield from self._read(self._file)
            if following is None:
                return
            self._file = self._change(self._file, following)

    @property
    def pending(self) -> Broken | None:
        """Octets have come that are no entry, and nothing behind them yet that could name them as torn."""
        return None if self._file is None else self._file.fault

    def close(self) -> None:
        """Give up the file. Safe to call twice."""
        if self._file is not None:
            self._file.opened.close()

    def _begin(self) -> _File | None:
        """The newest file that has a line, from where its last ones begin; a new log from its first line."""
        paths = day_files(self._folder)
        if not paths:
            self._was_there = False
        for path in reversed(paths) if self._was_there else paths:
            opened = open_file(path)
            if not self._was_there:
                return _File(path=path, opened=opened, offset=0)
            starts = last_lines(opened, self._last + 1)
            if starts or path == paths[0]:
                hidden = starts[0] if len(starts) > self._last else -1
                offset = starts[0] if starts else 0
                return _File(path=path, opened=opened, offset=offset, hidden=hidden)
            opened.close()
        return None

    def _following(self, file: _File) -> Path | None:
        return next((path for path in day_files(self._folder) if path.name > file.path.name), None)

    def _change(self, file: _File, path: Path) -> _File:
        if file.fault is not None:
            raise file.fault
        if file.rest or file.dropped:
            raise self._broken(file, "line", "no newline at the end of a file that is not the newest")
        file.opened.close()
        self._before = file.path
        return _File(path=path, opened=open_file(path), offset=0)

    def _read(self, file: _File) -> Iterator[Followed]:
        self._require_the_same(file)
        while octets := os.pread(file.opened.fileno(), BLOCK_OCTETS, file.read_to):
            *lines, rest = (file.rest + octets).split(b"\n")
            for line in lines:
                length, file.dropped = file.dropped + len(line), 0
                entry = self._line(file, line if length < LINE_OCTETS else None)
                shown = file.offset != file.hidden
                file.offset += length + 1
                if entry is not None and shown:
                    yield Followed(octets=line, entry=entry)
            file.rest = rest
            if len(rest) >= LINE_OCTETS:
                file.dropped, file.rest = file.dropped + len(rest), b""

    def _require_the_same(self, file: _File) -> None:
        ours = os.fstat(file.opened.fileno())
        try:
            there = file.path.lstat()
        except OSError:
            raise self._broken(file, "file", "the file was removed, or moved away") from None
        if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino):
            raise self._broken(file, "file", "another file has taken its name")
        if ours.st_size < file.read_to:
            raise self._broken(file, "file", "the file is shorter than it was")

    def _line(self, file: _File, line: bytes | None) -> dict[str, Any] | None:
        """The entry in a line (None: one that is too long); None where it is none."""
        text = "a line over 16 KiB"
        try:
            entry = parse_line(line) if line is not None else None
        except LineFault as fault:
            entry, text = None, str(fault)
            if fault.is_json and self._next is not None:
                raise file.fault or self._broken(file, "line", text) from None
        if line is None or entry is None:
            self._no_entry(file, text)
            return None
        self._check_place(file, entry)
        self._check_meaning(file, entry)
        file.begun = file.begun or entry["event"] != "torn"
        self._next = entry["n"] + 1
        self._prev = hashlib.sha256(b"\x00" + line).hexdigest()  # its leaf (RFC 6962, 2.1)
        return entry

    def _no_entry(self, file: _File, text: str) -> None:
        """Octets that may be torn: only a `torn` entry right behind them can say so."""
        if self._next is None:
            return
        if file.fault is None:
            file.torn_at, file.torn_lines, file.fault = file.offset, 0, self._broken(file, "line", text)
        file.torn_lines += 1
        if file.torn_lines > TORN_LINES:
            raise file.fault

    def _check_place(self, file: _File, entry: dict[str, Any]) -> None:
        event = entry["event"]
        if self._next is not None:
            if entry["n"] != self._next:
                raise file.fault or self._broken(file, "number", "its number does not follow")
            if entry["prev"] != self._prev:
                raise file.fault or self._broken(file, "chain", "prev is not the hash of the line before")
            # One about `checkpoints` tells of octets that are not in here.
            if event == "torn" and entry["file"] != CHECKPOINTS:
                self._check_torn(file, entry)
            elif file.fault is not None:
                raise file.fault
        if file.begun and event in ("genesis", "day"):
            raise self._broken(file, "opening", f"a {event} entry within a file")
        if not file.begun and self._before is not None and event not in ("day", "torn"):
            raise self._broken(file, "opening", "the file does not begin with its day entry")

    def _check_torn(self, file: _File, entry: dict[str, Any]) -> None:
        at, length = file.torn_at, entry["length"]
        if at is None or (entry["file"], entry["offset"], length) != (
            file.path.name,
            at,
            file.offset - 1 - at,
        ):
            raise self._broken(file, "torn", "no torn bytes right before it where it says")
        if sha256_of(file.path, at, length) != entry["sha256"]:
            raise self._broken(file, "torn", "the torn bytes are not those it tells of")
        file.torn_at = file.fault = None

    def _check_meaning(self, file: _File, entry: dict[str, Any]) -> None:
        before = self._before
        if entry["event"] != "day" or before is None:
            return
        told = (entry["file"], entry["last"] + 1, entry["sha256"])
        if told != (before.name, self._next, sha256_of(before, 0, before.lstat().st_size)):
            raise self._broken(file, "day", "the file before is not as the day entry tells of it")

    def _broken(self, file: _File, check: str, text: str) -> Broken:
        line = _newlines_before(file) + 1
        return Broken(file=file.path.name, line=line, entry=self._next or 0, check=check, text=text)


def _newlines_before(file: _File) -> int:
    """Counted only when something is wrong: the follower has not read what came before."""
    count, at = 0, 0
    while octets := os.pread(file.opened.fileno(), min(BLOCK_OCTETS, file.offset - at), at):
        count, at = count + octets.count(b"\n"), at + len(octets)
    return count
