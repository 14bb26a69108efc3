"""The verifier: reads a log as an auditor who trusts nobody does.

It shares no code with the writer (it imports nothing of it), reads each file
once in order, and stops at the first thing that does not hold. Memory does not
depend on the length of the log, of a file or of a line. Whatever the folder
holds, the answer is a `Verified` or a `Broken`, never a crash.

Checked: each line (one JSON object of known shape, ASCII, at most 16 KiB, no key
twice), numbers without gaps, the chain of hashes, each file's opening entry
(`genesis`, `day` with the SHA-256 of the file before), `torn` entries with the
bytes they name, the verifier key. Not yet detectable: a tail that was cut off
at the end of a line, and a log replaced as a whole; that takes a checkpoint
which somebody else holds.

Leaves as in RFC 6962, section 2.1; time stamps as in RFC 3339.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.folder import Broken, day_files, open_file, sha256_of
from rorpost_gateway.audit.line import LineFault, begins_with_object, parse_line

LINE_OCTETS = 16 * 1024  # with its newline
ZEROS = "0" * 64
PROGRESS_LINES = 5_000
TORN_LINES = 100  # torn bytes hold a newline only where a crash came while earlier ones were being closed

__all__ = ["Broken", "Progress", "Verified", "verify_log"]

Progress = Callable[[int, int], None]  # octets read, octets in all


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A log that holds. `head` is the last entry's leaf; `first_time`/`last_time` are as written.

    `vkey_checked` says that the genesis entry's key was compared with one given from
    outside. `unfinished_octets` stand after the last newline: a line being written
    now, or one that a crash cut short and the next start will close.
    """

    files: int
    entries: int
    torn: int
    head: str
    first_time: str
    last_time: str
    vkey: str
    origin: str
    vkey_checked: bool
    unfinished_octets: int


def verify_log(folder: Path, *, vkey: str | None = None, progress: Progress | None = None) -> Verified:
    """Verify every day file in `folder`. Raises Broken.

    `vkey` is the verifier key as the auditor got it by another way. What cannot be
    read at all (no such folder, no permission) is Broken too, with check `file`.
    """
    return _Verification(folder, vkey=vkey, progress=progress).run()


@dataclass(kw_only=True)
class _File:
    """What is known of the file being read."""

    path: Path
    opening: str  # the event that must begin it
    newest: bool
    first: int
    line: int = 0
    offset: int = 0
    opened: bool = False
    unclosed: int = 0  # octets after the last newline
    torn_at: int | None = None  # where bytes began that are no line
    fault: Broken | None = None  # what they are, if no `torn` entry tells of them


@dataclass(frozen=True, kw_only=True)
class _Before:
    """The file before, as the `day` entry of the next must tell of it."""

    file: str
    first: int
    last: int
    sha256: str


class _Verification:
    def __init__(self, folder: Path, *, vkey: str | None, progress: Progress | None) -> None:
        self._folder = folder
        self._vkey = vkey
        self._progress = progress
        self._octets_read = 0
        self._octets_in_all = 0
        self._n = 0
        self._prev = ZEROS
        self._torn = 0
        self._first_time = self._last_time = ""
        self._genesis: dict[str, Any] = {}
        self._before: _Before | None = None
        self._unfinished = 0

    def run(self) -> Verified:
        paths = day_files(self._folder)
        self._octets_in_all = sum(path.lstat().st_size for path in paths)
        for path in paths:
            self._file(path, newest=path == paths[-1])
        if not self._genesis:
            raise Broken(file=str(self._folder), line=0, entry=0, check="file", text="no entry at all")
        return Verified(
            files=len(paths),
            entries=self._n,
            torn=self._torn,
            head=self._prev,
            first_time=self._first_time,
            last_time=self._last_time,
            vkey=self._genesis["vkey"],
            origin=self._genesis["origin"],
            vkey_checked=self._vkey is not None,
            unfinished_octets=self._unfinished,
        )

    def _file(self, path: Path, *, newest: bool) -> None:
        state = _File(
            path=path, opening="genesis" if self._before is None else "day", newest=newest, first=self._n
        )
        digest = hashlib.sha256()
        with open_file(path) as file:
            begins = True
            while octets := file.readline(LINE_OCTETS + 1):
                digest.update(octets)
                line = octets.removesuffix(b"\n")
                closed = len(line) < len(octets)
                state.line += begins
                state.unclosed = 0 if closed else len(octets) + (0 if begins else state.unclosed)
                self._line(state, line if begins and len(line) < LINE_OCTETS else None)
                state.offset += len(octets)
                self._tell_progress(state, len(octets))
                begins = closed
        self._end(state)
        self._before = _Before(file=path.name, first=state.first, last=self._n - 1, sha256=digest.hexdigest())

    def _line(self, state: _File, line: bytes | None) -> None:
        """Take a line (None: a part of one that is too long)."""
        try:
            entry = parse_line(line) if line is not None else None
        except LineFault as fault:
            if fault.is_json:
                raise state.fault or self._broken(state, "line", str(fault)) from None
            entry, text = None, str(fault)
        else:
            text = "a line over 16 KiB"
        if line is None or entry is None:
            # Bytes that are no entry may be torn: only a `torn` entry right behind them can say so.
            if state.fault is None:
                state.torn_at, state.fault = state.offset, self._broken(state, "line", text)
            elif state.line - state.fault.line > TORN_LINES:
                raise state.fault
            return
        self._check_place(state, entry)
        self._check_meaning(state, entry)
        self._first_time = self._first_time or entry["time"]
        self._last_time = entry["time"]
        self._n += 1
        self._prev = hashlib.sha256(b"\x00" + line).hexdigest()

    def _check_place(self, state: _File, entry: dict[str, Any]) -> None:
        number, event = entry["n"], entry["event"]
        if number != self._n:
            raise state.fault or self._broken(state, "number", f"its number is {_short(number)}")
        if entry["prev"] != self._prev:
            raise state.fault or self._broken(state, "chain", "prev is not the hash of the line before")
        if event != "torn" and state.fault is not None:
            raise state.fault
        if not state.opened and event not in (state.opening, "torn"):
            raise self._broken(state, "opening", f"the file does not begin with its {state.opening} entry")
        if state.opened and event in ("genesis", "day"):
            raise self._broken(state, "opening", f"a {event} entry within a file")

    def _check_meaning(self, state: _File, entry: dict[str, Any]) -> None:
        event = entry["event"]
        if event == "torn":
            self._check_torn(state, entry)
        elif event == "day":
            state.opened = True
            told = _Before(**{name: entry[name] for name in ("file", "first", "last", "sha256")})
            if told != self._before:
                raise self._broken(state, "day", "the file before is not as the day entry tells of it")
        elif event == "genesis":
            state.opened = True
            self._genesis = entry
            if self._vkey not in (None, entry["vkey"]):
                raise self._broken(state, "vkey", "the genesis entry names another verifier key")

    def _check_torn(self, state: _File, entry: dict[str, Any]) -> None:
        at, length = state.torn_at, entry["length"]
        if at is None or (entry["file"], entry["offset"], length) != (
            state.path.name,
            at,
            state.offset - 1 - at,
        ):
            raise self._broken(state, "torn", "no torn bytes right before it where it says")
        if sha256_of(state.path, at, length) != entry["sha256"]:
            raise self._broken(state, "torn", "the torn bytes are not those it tells of")
        state.torn_at = state.fault = None
        self._torn += 1

    def _end(self, state: _File) -> None:
        if state.fault is not None and state.torn_at is not None:
            only_the_last_line = state.torn_at == state.offset - state.unclosed
            if not (state.newest and state.unclosed and only_the_last_line):
                raise state.fault
            if _object_and_more(state.path, state.torn_at):
                raise state.fault
            self._unfinished = state.unclosed
        elif not state.newest and state.unclosed:
            raise self._broken(state, "line", "no newline at the end of a file that is not the newest")
        if not state.newest and not state.opened:
            raise self._broken(state, "opening", "a file without any entry that is not the newest")

    def _broken(self, state: _File, check: str, text: str) -> Broken:
        return Broken(file=state.path.name, line=state.line, entry=self._n, check=check, text=text)

    def _tell_progress(self, state: _File, octets: int) -> None:
        self._octets_read += octets
        if self._progress is not None and state.line % PROGRESS_LINES == 0:
            self._progress(self._octets_read, self._octets_in_all)


def _object_and_more(path: Path, offset: int) -> bool:
    with open_file(path) as file:
        file.seek(offset)
        return begins_with_object(file.read(LINE_OCTETS))


def _short(number: int) -> str:
    return str(number) if number < 1 << 63 else "beyond all measure"
