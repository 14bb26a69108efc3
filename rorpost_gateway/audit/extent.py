"""From when to when a log goes, seen from its two ends: what is purged must not pass for what never was."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.blocks import LINE_OCTETS, blocks, lines
from rorpost_gateway.audit.folder import day_files, open_file
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.tail import last_lines

LOOKED_AT = 200  # lines at each end, of which one should be an entry


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Numbers and times of the first and the last entry that are there, as they are written."""

    first: int
    first_time: str
    last: int
    last_time: str


def extent(folder: Path) -> Extent | None:
    """None where there is no entry at either end. Raises Broken, OSError."""
    paths = day_files(folder)
    first = next((entry for path in paths if (entry := _entry_in(_head(path)))), None)
    last = next((entry for path in reversed(paths) if (entry := _entry_in(_tail(path)))), None)
    if first is None or last is None:
        return None
    return Extent(first=first["n"], first_time=first["time"], last=last["n"], last_time=last["time"])


def _head(path: Path) -> Iterable[bytes]:
    for block in blocks(path, block_octets=LINE_OCTETS):
        for number, (_, line) in enumerate(lines(block)):
            if number >= LOOKED_AT:
                return
            yield line
        return


def _tail(path: Path) -> Iterable[bytes]:
    with open_file(path) as file:
        for start in reversed(last_lines(file, LOOKED_AT)):
            file.seek(start)
            yield file.readline(LINE_OCTETS).removesuffix(b"\n")


def _entry_in(found: Iterable[bytes]) -> dict[str, Any] | None:
    for line in found:
        try:
            return parse_line(line)
        except LineFault:
            continue
    return None
