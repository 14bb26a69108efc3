"""One entry by its number, found by bisecting files and octets: milliseconds, however long the log is.

What is found is a line of known shape with the right number. Whether it is the one
that a checkpoint covers is for a proof to say.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rorpost_gateway.audit.folder import Broken, day_files, open_file
from rorpost_gateway.audit.line import LineFault, parse_line

LINE_OCTETS = 16 * 1024  # with its newline

_SCAN_OCTETS = 128 * 1024  # so near that reading on is as quick as another step
_PROBES = 1024  # lines looked at for one that is an entry


class EntryMissing(LookupError):
    """There is no line of that number: the log is not that long, or the entry was purged."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line without its newline, and where it begins in its file, in octets."""

    n: int
    line: bytes
    path: Path
    offset: int


def find(folder: Path, n: int) -> bytes:
    """The line of entry `n`, without its newline. Raises EntryMissing, Broken."""
    return locate(folder, n).line


def locate(folder: Path, n: int) -> Entry:
    """Entry `n` and its place. Raises EntryMissing, Broken."""
    paths = day_files(folder)
    low, high = 0, len(paths)  # the file is among paths[low:high]
    try:
        while high - low > 1:
            middle = (low + high) // 2
            first = _first(paths[middle])
            if first is None or first.n > n:
                high = middle
            else:
                low = middle
        found = _in_file(paths[low], n) if paths else None
    except OSError as error:
        raise Broken(
            file=paths[low].name, line=0, entry=n, check="file", text=f"cannot be read: {error.strerror}"
        ) from error
    if found is None:
        raise EntryMissing(f"there is no entry {n} in this log")
    return found


def line_number(entry: Entry) -> int:
    """The number, from 1, of the line in its file; reads the file up to there."""
    number, left = 1, entry.offset
    with open_file(entry.path) as file:
        while left > 0 and (octets := file.read(min(1 << 20, left))):
            number += octets.count(b"\n")
            left -= len(octets)
    return number


def next_entry(file: BinaryIO, path: Path, offset: int, end: int) -> Entry | None:
    """The first entry whose line begins at `offset` or behind it, and before `end`."""
    at = max(0, offset - 1)  # an octet back: a line that begins at `offset` follows a newline
    file.seek(at)
    if offset:
        at += len(file.readline(_SCAN_OCTETS))
    for _ in range(_PROBES):
        octets = file.readline(LINE_OCTETS + 1)
        if not octets or at >= end:
            return None
        line = octets.removesuffix(b"\n")
        try:
            return Entry(n=parse_line(line)["n"], line=line, path=path, offset=at)
        except LineFault:
            at += len(octets)
    return None


def _first(path: Path) -> Entry | None:
    with open_file(path) as file:
        return next_entry(file, path, 0, os.fstat(file.fileno()).st_size)


def _in_file(path: Path, n: int) -> Entry | None:
    with open_file(path) as file:
        low, high = 0, os.fstat(file.fileno()).st_size
        while high - low > _SCAN_OCTETS:
            middle = (low + high) // 2
            probed = next_entry(file, path, middle, high)
            if probed is None or probed.n > n:
                high = middle
            elif probed.n == n:
                return probed
            else:
                low = probed.offset
        return _scan(file, path, low, n)


def _scan(file: BinaryIO, path: Path, offset: int, n: int) -> Entry | None:
    """The entry `n` from a line start on; bounded by what bisecting leaves and a stretch of other octets."""
    while (entry := next_entry(file, path, offset, offset + 4 * _SCAN_OCTETS)) is not None and entry.n < n:
        offset = entry.offset + len(entry.line) + 1
    return entry if entry is not None and entry.n == n else None
