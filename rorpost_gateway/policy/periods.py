"""Whole days as ranges: joined, taken from each other, common to both. Pure.

A range is two ordinals of `date.toordinal`, both included. Ranges are sorted, and between two of them
lies at least one day. A limit that is left out is the first or last day there is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

Days = tuple[tuple[int, int], ...]

FIRST_DAY, LAST_DAY = date.min.toordinal(), date.max.toordinal()


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """From the first day to the last, both included; None where there is no limit."""

    first: date | None
    last: date | None

    def over_before(self, day: date) -> bool:
        """Whether it has ended before `day`."""
        return self.last is not None and self.last < day


def days(first: date | None, last: date | None) -> Days:
    """One range. It is empty where it would end before it begins."""
    beginning = FIRST_DAY if first is None else first.toordinal()
    end = LAST_DAY if last is None else last.toordinal()
    return ((beginning, end),) if beginning <= end else ()


def joined(parts: Iterable[Days]) -> Days:
    """The days of any of them."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(one for part in parts for one in part):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def without(these: Days, others: Days) -> Days:
    """The days of `these` that are none of `others`."""
    result = []
    for first, last in these:
        for other_first, other_last in others:
            if other_last < first or last < other_first:
                continue
            if first < other_first:
                result.append((first, other_first - 1))
            first = other_last + 1
        if first <= last:
            result.append((first, last))
    return tuple(result)


def common(these: Days, others: Days) -> Days:
    """The days of both."""
    pairs = ((max(a, c), min(b, d)) for a, b in these for c, d in others)
    return tuple(sorted((first, last) for first, last in pairs if first <= last))


def as_periods(ranges: Days) -> tuple[Period, ...]:
    """The ranges as dates."""
    return tuple(
        Period(
            first=None if first == FIRST_DAY else date.fromordinal(first),
            last=None if last == LAST_DAY else date.fromordinal(last),
        )
        for first, last in ranges
    )
