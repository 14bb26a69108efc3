"""When a mailbox must have been read, and whether it was. Pure: time, calendar and figures are arguments.

Invariants: over neighbouring stretches of time every deadline comes once and none twice; they ascend;
a moment is one deadline of a mailbox, however many of its local times fall on it; and nothing is
called met that was not seen in time.

A local time that the clocks leap over (02:30 on 29 March 2026 in Stockholm) is the first moment after
the leap; one that comes twice (02:30 on 25 October 2026) is the first of both. PEP 495 says how `fold`
tells them apart.
"""

from bisect import bisect
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from rorpost_gateway.supervision.contents import Contents, Look

PUNCTUAL_SECONDS = 300.0  # a look that begins later than this after its time proves nothing good
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Holidays(Protocol):
    def is_holiday(self, day: date) -> bool: ...


class Outcome(StrEnum):
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingTimes:
    """When one mailbox is read at the latest: local times on these weekdays (Monday is 0).

    `on_holidays` says whether a holiday on such a weekday counts as well.
    """

    mailbox: str
    read_at: tuple[time, ...]
    weekdays: frozenset[int]
    on_holidays: bool

    def count_on(self, day: date, holidays: Holidays) -> bool:
        return day.weekday() in self.weekdays and (self.on_holidays or not holidays.is_holiday(day))


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """One moment (aware, UTC, whole seconds). `local` is the same moment in RFC 3339, as the clock
    on the wall shows it, with its offset: `2026-03-30T08:00:00+02:00`.
    """

    mailbox: str
    at: datetime
    local: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """`cause` says why nothing is known, in one line of printable ASCII; None for the other outcomes."""

    outcome: Outcome
    cause: str | None = None


MET = Judgement(outcome=Outcome.MET)
MISSED = Judgement(outcome=Outcome.MISSED)


def deadlines_between(
    times: ReadingTimes, *, after: datetime, until: datetime, zone: tzinfo, holidays: Holidays
) -> list[Deadline]:
    """The deadlines later than `after` and not later than `until` (both aware), ascending.

    So the stretches (a, b] and (b, c] together yield what (a, c] yields.
    """
    # The day before as well: what is leapt over at midnight is put off to the next day.
    day = after.astimezone(zone).date() - _DAY
    last = until.astimezone(zone).date()
    moments = set()
    while day <= last:
        if times.count_on(day, holidays):
            moments |= {moment for at in times.read_at if after < (moment := _moment(day, at, zone)) <= until}
        day += _DAY
    return [_deadline(times.mailbox, moment, zone) for moment in sorted(moments)]


def judge(
    deadline: Deadline, look: Look, *, grace_seconds: float = 0.0, punctual_seconds: float = PUNCTUAL_SECONDS
) -> Judgement:
    r"""Whether everything that had arrived by the deadline was \Seen or gone `grace_seconds` after it.

    What is still unread was not read in time, however late the look; that nothing is unread means
    only something where the look began no later than `punctual_seconds` after the grace. A look
    before the deadline says nothing, one during the grace only that all has been read.
    """
    if not isinstance(look, Contents):
        return Judgement(outcome=Outcome.UNKNOWN, cause=look.cause)
    due = deadline.at + timedelta(seconds=grace_seconds)
    if look.looked_at < deadline.at:
        return Judgement(outcome=Outcome.UNKNOWN, cause="looked before the deadline")
    if still_unread(deadline, look):
        if look.looked_at < due:
            return Judgement(outcome=Outcome.UNKNOWN, cause="looked before the grace had ended")
        return MISSED
    late = (look.looked_at - due).total_seconds()
    if late > punctual_seconds:
        return Judgement(outcome=Outcome.UNKNOWN, cause=f"looked {late:.0f} s too late to know")
    return MET


def still_unread(deadline: Deadline, contents: Contents) -> bool:
    """Whether something that had arrived by the deadline, to the second, was unread at the look."""
    oldest = contents.inbox.oldest_unread_at
    return oldest is not None and oldest <= deadline.at


def _deadline(mailbox: str, moment: datetime, zone: tzinfo) -> Deadline:
    local = moment.astimezone(zone).isoformat(timespec="seconds")
    return Deadline(mailbox=mailbox, at=moment, local=local)


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the clock on the wall shows this time first, or first goes past it."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # Inside a gap, fold=1 takes the offset after it, which is the earlier moment of the two.
    return _leap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _leap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first moment, to the second, at which the offset is no longer what it is at `before`."""
    old = before.astimezone(zone).utcoffset()

    def is_past(second: int) -> bool:
        return (before + second * _SECOND).astimezone(zone).utcoffset() != old

    return before + bisect(range((after - before) // _SECOND), x=False, key=is_past) * _SECOND
