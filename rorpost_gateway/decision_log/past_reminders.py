"""Which reminders the log knows of: what was sent before this start is not sent again."""

from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.past_lines import entry_of, mark_of, past_lines

_REMINDER = mark_of(Event.REMINDER)


@dataclass(frozen=True, kw_only=True)
class PastReminder:
    """`valid_until` is the day as it was written."""

    mailbox: str
    user: str
    valid_until: str
    days_left: int


def past_reminders(folder: Path, *, since: float) -> list[PastReminder]:
    """Those of `since` or later, and some before, oldest first. Raises OSError, LogDamaged."""
    found = (_reminder(line) for line in past_lines(folder, since=since) if _REMINDER in line)
    return [each for each in found if each is not None]


def _reminder(line: bytes) -> PastReminder | None:
    entry = entry_of(line, Event.REMINDER) or {}
    match [entry.get(name) for name in ("mailbox", "declared_user", "valid_until", "days_left")]:
        case [str(mailbox), str(user), str(valid_until), int(days_left)]:
            return PastReminder(mailbox=mailbox, user=user, valid_until=valid_until, days_left=days_left)
    return None
