"""Deadlines of many mailboxes, worked out once for all that are read at the same times."""

from datetime import datetime, time, tzinfo
from functools import lru_cache

from rorpost_gateway.supervision.deadlines import Deadline, Holidays, ReadingTimes, deadlines_between

_KEPT = 256  # stretches of time; a tick asks for two or three of each kind of mailbox

Hours = tuple[tuple[time, ...], frozenset[int], bool]


class Timetable:
    """`zone` is where the clock on the wall hangs."""

    def __init__(self, zone: tzinfo, holidays: Holidays) -> None:
        self._zone = zone
        self._holidays = holidays
        self._moments = lru_cache(maxsize=_KEPT)(self._work_out)

    def between(self, times: ReadingTimes | None, after: datetime, until: datetime) -> list[Deadline]:
        """As `deadlines_between`; nothing where a mailbox has no times, or the stretch is none."""
        if times is None or until <= after:
            return []
        hours = (times.read_at, times.weekdays, times.on_holidays)
        return [
            Deadline(mailbox=times.mailbox, at=each.at, local=each.local)
            for each in self._moments(hours, after, until)
        ]

    def _work_out(self, hours: Hours, after: datetime, until: datetime) -> list[Deadline]:
        read_at, weekdays, on_holidays = hours
        times = ReadingTimes(mailbox="", read_at=read_at, weekdays=weekdays, on_holidays=on_holidays)
        return deadlines_between(times, after=after, until=until, zone=self._zone, holidays=self._holidays)
