"""What the log says of reading deadlines before this start: read back, newest per mailbox.

Memory does not depend on the log. Lines that are none are passed over; whether the log holds is found
out elsewhere.
"""

from dataclasses import dataclass, field
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.past_lines import entry_of, mark_of, past_lines

_MAILBOX, _START = mark_of(Event.MAILBOX), mark_of(Event.START)
# What the opening of a log writes, right before the start.
_AT_OPENING = tuple(mark_of(each) for each in (Event.DAY, Event.TORN, Event.KEY))
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
    for line in past_lines(folder, since=since):
        if _START in line:
            found.down_since = last_time
        elif _MAILBOX in line:
            _note(found, line)
        if not any(event in line for event in _AT_OPENING):
            last_time = _time_of(line) or last_time
    return found


def _time_of(line: bytes) -> str | None:
    at = line.find(_TIME, 0, 160) + len(_TIME)
    return line[at : at + _TIME_OCTETS].decode("ascii", "replace") if at >= len(_TIME) else None


def _note(found: PastDeadlines, line: bytes) -> None:
    entry = entry_of(line, Event.MAILBOX)
    if entry is None:
        return
    mailbox, deadline, outcome = (entry.get(name) for name in ("mailbox", "deadline", "outcome"))
    if isinstance(mailbox, str) and isinstance(deadline, str) and isinstance(outcome, str):
        found.by_mailbox[mailbox] = PastDeadline(deadline=deadline, outcome=outcome)
