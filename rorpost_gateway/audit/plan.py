"""A log divided into parts that can be read beside each other.

A part ends where a line begins that is an entry; what that entry says of its number
and of the one before is what the next part begins with, and whoever joins them
compares it with what the part before has come to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rorpost_gateway.audit.entries import Entry, next_entry
from rorpost_gateway.audit.folder import open_file
from rorpost_gateway.audit.line import parse_line

PART_OCTETS = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an entry says of its place, and what it is."""

    n: int
    prev: str
    event: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The octets `begin` to `end` of a file; `claim` is None where nothing there says what is due."""

    path: Path
    begin: int
    end: int
    claim: Claim | None
    newest: bool
    last: bool  # of the file


def first_claim(path: Path, size: int) -> Claim | None:
    """What the first entry of a file says, where there is one near its beginning. Raises Broken, OSError."""
    with open_file(path) as file:
        entry = next_entry(file, path, 0, size)
    return None if entry is None else _claim(_parsed(entry))


def plan(files: Sequence[tuple[Path, int]]) -> Iterator[Planned]:
    """The parts of files, which are given with their sizes in octets, in order. Raises Broken, OSError."""
    for path, size in files:
        newest = path == files[-1][0]
        begin, claim = 0, first_claim(path, size)
        with open_file(path) as file:
            while (found := _boundary(file, path, begin + PART_OCTETS, size)) is not None:
                entry, following = found
                yield Planned(
                    path=path, begin=begin, end=entry.offset, claim=claim, newest=newest, last=False
                )
                begin, claim = entry.offset, following
        yield Planned(path=path, begin=begin, end=size, claim=claim, newest=newest, last=True)


def _boundary(file: BinaryIO, path: Path, target: int, size: int) -> tuple[Entry, Claim] | None:
    """The first entry from `target` on that does not tell of torn octets before it."""
    while target < size:
        entry = next_entry(file, path, target, size)
        if entry is None:
            target += PART_OCTETS
            continue
        fields = _parsed(entry)
        if fields["event"] != "torn":
            return entry, _claim(fields)
        target = entry.offset + 1
    return None


def _parsed(entry: Entry) -> dict[str, Any]:
    return parse_line(entry.line)


def _claim(fields: dict[str, Any]) -> Claim:
    return Claim(n=fields["n"], prev=fields["prev"], event=fields["event"])
