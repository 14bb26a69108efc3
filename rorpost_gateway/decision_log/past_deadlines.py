"""What the log says of reading deadlines before this start: read back, newest per mailbox.

Memory does not depend on the log. Lines that are none are passed over; whether the log holds is found
out elsewhere.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, day_files
from rorpost_gateway.decision_log.line import LINE_OCTETS, day_of
from rorpost_gateway.decision_log.lookup import CLOCK_MARGIN_SECONDS

# In a JSON string every quotation mark has a backslash before it, so no value can look like these.
_MAILBOX = f'"event":"{Event.MAILBOX}"'.encode()
_START = f'"event":"{Event.START}"'.encode()
# What the opening of a log writes, right before the start.
_AT_OPENING = tuple(f'"event":"{each}"'.encode() for each in (Event.DAY, Event.TORN, Event.KEY))
_TIME = b'","time":"'
_TIME_OCTETS = 24


@dataclass(frozen=True, kw_only=True)
class PastDeadline:
    """`deadline` is RFC 3339 with its offset, as it was written."""

    deadline: str
    outcome: str


@dataclass(kw_only=True)
class PastDeadlines:
    """`down_since` is the time (RFC 3339, UTC) of the newest line before the newest start."""

    by_mailbox: dict[str, PastDeadline] = field(default_factory=dict)
    down_since: str | None = None


def past_deadlines(folder: Path, *, since: float) -> PastDeadlines:
    """From the files that may hold lines of `since` or later, and the newest one before them.

    Raises OSError, LogDamaged.
    """
    found, last_time = PastDeadlines(), None
    for path in _files(folder, since):
        with path.open("rb") as file:
            while line := file.readline(LINE_OCTETS):
                if not line.endswith(b"\n"):
                    continue
                if _START in line:
                    found.down_since = last_time
                elif _MAILBOX in line:
                    _note(found, line)
                if not any(event in line for event in _AT_OPENING):
                    last_time = _time_of(line) or last_time
    return found


def _files(folder: Path, since: float) -> list[Path]:
    files = day_files(folder)
    oldest = f"{day_of(since - CLOCK_MARGIN_SECONDS)}{SUFFIX}"
    before = [path for path in files if path.name < oldest]
    return before[-1:] + [path for path in files if path.name >= oldest]


def _time_of(line: bytes) -> str | None:
    at = line.find(_TIME, 0, 160) + len(_TIME)
    return line[at : at + _TIME_OCTETS].decode("ascii", "replace") if at >= len(_TIME) else None


def _note(found: PastDeadlines, line: bytes) -> None:
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(entry, dict) or entry.get("event") != Event.MAILBOX:
        return
    mailbox, deadline, outcome = (entry.get(name) for name in ("mailbox", "deadline", "outcome"))
    if isinstance(mailbox, str) and isinstance(deadline, str) and isinstance(outcome, str):
        found.by_mailbox[mailbox] = PastDeadline(deadline=deadline, outcome=outcome)
