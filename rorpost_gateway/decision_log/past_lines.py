"""The log's own lines read back at a start: whole ones, oldest first, in memory that does not depend on it.

Lines that are none are passed over; whether the log holds is found out elsewhere.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, day_files
from rorpost_gateway.decision_log.line import LINE_OCTETS, day_of
from rorpost_gateway.decision_log.lookup import CLOCK_MARGIN_SECONDS


def mark_of(event: Event) -> bytes:
    """What every line of an event holds, and no other: in a JSON string a quotation mark is escaped."""
    return f'"event":"{event}"'.encode()


def past_lines(folder: Path, *, since: float) -> Iterator[bytes]:
    """From the files that may hold lines of `since` or later, and the newest one before them.

    Each with its newline. Raises OSError, LogDamaged.
    """
    for path in _files(folder, since):
        with path.open("rb") as file:
            while line := file.readline(LINE_OCTETS):
                if line.endswith(b"\n"):
                    yield line


def entry_of(line: bytes, event: Event) -> dict[str, Any] | None:
    """The entry in a line, if it is one of that event."""
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and entry.get("event") == event else None


def _files(folder: Path, since: float) -> list[Path]:
    files = day_files(folder)
    oldest = f"{day_of(since - CLOCK_MARGIN_SECONDS)}{SUFFIX}"
    before = [path for path in files if path.name < oldest]
    return before[-1:] + [path for path in files if path.name >= oldest]
