"""When a mailbox must have been read: days, holidays, both clock changes, and no deadline lost or twice."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.policy.model import EVERY_DAY, WORKING_DAYS, ReadOn
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.deadlines import ReadingTimes, deadlines_between

MAILBOX = "rorpost.hemsjukvarden@motala.se"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
# Clock changes of an hour, of half an hour, at midnight, of a whole day, and none.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Stockholm",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Pacific/Apia",
        "UTC",
    )
]
HOLIDAYS = SwedishHolidays()
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
TIMES = st.lists(
    st.times().map(lambda t: t.replace(second=0, microsecond=0)), min_size=1, max_size=5, unique=True
).map(lambda found: tuple(sorted(found)))


def reading(*read_at: str | time, on: ReadOn = WORKING_DAYS) -> ReadingTimes:
    times = tuple(time.fromisoformat(at) if isinstance(at, str) else at for at in read_at)
    return ReadingTimes(mailbox=MAILBOX, read_at=times, weekdays=on.weekdays, on_holidays=on.on_holidays)


def local_between(times: ReadingTimes, after: str, until: str, *, zone: ZoneInfo = STOCKHOLM) -> list[str]:
    found = deadlines_between(
        times,
        after=datetime.fromisoformat(after).replace(tzinfo=zone),
        until=datetime.fromisoformat(until).replace(tzinfo=zone),
        zone=zone,
        holidays=HOLIDAYS,
    )
    assert all(deadline.mailbox == MAILBOX for deadline in found)
    assert all(datetime.fromisoformat(deadline.local) == deadline.at for deadline in found)
    return [deadline.local for deadline in found]


def test_a_mailbox_without_times_has_no_deadline() -> None:
    assert not local_between(reading(on=EVERY_DAY), "2026-01-01", "2026-12-31")


def test_an_ordinary_day() -> None:
    assert local_between(reading("08:00", "13:00"), "2026-05-06", "2026-05-07") == [
        "2026-05-06T08:00:00+02:00",
        "2026-05-06T13:00:00+02:00",
    ]


def test_the_first_moment_is_left_out_and_the_last_is_not() -> None:
    assert local_between(reading("08:00", "13:00"), "2026-05-06T08:00", "2026-05-06T13:00") == [
        "2026-05-06T13:00:00+02:00"
    ]
    assert not local_between(reading("08:00"), "2026-05-06T08:00", "2026-05-06T08:00")
    assert not local_between(reading("08:00"), "2026-05-07", "2026-05-06")


def days(on: ReadOn, after: str, until: str) -> list[str]:
    return [local[5:10] for local in local_between(reading("08:00", on=on), after, until)]


def test_working_days_around_easter_2026() -> None:
    assert days(WORKING_DAYS, "2026-04-01", "2026-04-09") == ["04-01", "04-02", "04-07", "04-08"]


def test_working_days_around_midsummer_2026() -> None:
    assert days(WORKING_DAYS, "2026-06-17", "2026-06-24") == ["06-17", "06-18", "06-22", "06-23"]


def test_working_days_around_christmas_and_new_year() -> None:
    found = days(WORKING_DAYS, "2026-12-22", "2027-01-08")
    assert found == ["12-22", "12-23", "12-28", "12-29", "12-30", "01-04", "01-05", "01-07"]


def test_every_day_knows_no_holiday() -> None:
    assert days(EVERY_DAY, "2026-12-23", "2026-12-28") == ["12-23", "12-24", "12-25", "12-26", "12-27"]


def test_weekdays_that_are_named_count_on_holidays_too() -> None:
    wednesdays_and_saturdays = ReadOn(weekdays=frozenset({2, 5}), on_holidays=True)
    assert days(wednesdays_and_saturdays, "2025-12-20", "2026-01-04") == [
        "12-20",
        "12-24",
        "12-27",
        "12-31",
        "01-03",
    ]


ALL_NIGHT = reading("01:59", "02:00", "02:30", "02:59", "03:00", "08:00", "13:00", on=EVERY_DAY)


def test_the_clocks_go_forward_on_29_march_2026() -> None:
    """02:00 to 02:59 are never shown: what falls there is due at the leap, once."""
    assert local_between(ALL_NIGHT, "2026-03-29", "2026-03-30") == [
        "2026-03-29T01:59:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T08:00:00+02:00",
        "2026-03-29T13:00:00+02:00",
    ]


def test_a_time_that_is_leapt_over_is_the_first_moment_after_the_leap() -> None:
    times = reading("02:30", on=EVERY_DAY)
    (deadline,) = deadlines_between(
        times,
        after=datetime(2026, 3, 28, 12, tzinfo=UTC),
        until=datetime(2026, 3, 29, 12, tzinfo=UTC),
        zone=STOCKHOLM,
        holidays=HOLIDAYS,
    )
    assert deadline.at == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert deadline.at.tzinfo is UTC


def test_the_clocks_go_back_on_25_october_2026() -> None:
    """02:00 to 02:59 come twice: the first of both counts, and the second is none."""
    assert local_between(ALL_NIGHT, "2026-10-25", "2026-10-26") == [
        "2026-10-25T01:59:00+02:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:59:00+02:00",
        "2026-10-25T03:00:00+01:00",
        "2026-10-25T08:00:00+01:00",
        "2026-10-25T13:00:00+01:00",
    ]


def test_the_clock_changes_are_sundays_and_no_working_days() -> None:
    assert days(WORKING_DAYS, "2026-03-28", "2026-03-31") == ["03-30"]
    assert days(WORKING_DAYS, "2026-10-24", "2026-10-27") == ["10-26"]


def test_the_hours_between_deadlines_over_a_clock_change() -> None:
    times = reading("08:00", on=EVERY_DAY)
    for day, hours in (("2026-03-28", 23), ("2026-10-24", 25), ("2026-05-06", 24)):
        first, second = local_between(times, day, str(date.fromisoformat(day) + timedelta(days=2)))
        assert datetime.fromisoformat(second) - datetime.fromisoformat(first) == timedelta(hours=hours)


def test_a_day_that_never_was_is_put_off_to_the_next() -> None:
    """Samoa went from 29 to 31 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    found = local_between(reading("08:00", on=EVERY_DAY), "2011-12-29T12:00", "2011-12-31T12:00", zone=apia)
    assert found == ["2011-12-31T00:00:00+14:00", "2011-12-31T08:00:00+14:00"]


@given(
    times=TIMES,
    zone=st.sampled_from(ZONES),
    on=st.sampled_from([WORKING_DAYS, EVERY_DAY]),
    start=MOMENTS,
    hours=st.lists(st.integers(0, 400), min_size=1, max_size=8),
)
def test_over_neighbouring_stretches_each_comes_once_and_none_twice(
    times: tuple[time, ...], zone: ZoneInfo, on: ReadOn, start: datetime, hours: list[int]
) -> None:
    mailbox = reading(*times, on=on)

    def between(after: datetime, until: datetime) -> list[datetime]:
        found = deadlines_between(mailbox, after=after, until=until, zone=zone, holidays=HOLIDAYS)
        return [deadline.at for deadline in found]

    bounds = [start]
    for more in hours:
        bounds.append(bounds[-1] + timedelta(hours=more, seconds=more))
    piecewise = [at for after, until in pairwise(bounds) for at in between(after, until)]
    assert piecewise == between(bounds[0], bounds[-1])
    assert all(earlier < later for earlier, later in pairwise(piecewise))
    assert all(bounds[0] < at <= bounds[-1] for at in piecewise)


@pytest.mark.parametrize("year", range(2025, 2032))
def test_every_deadline_of_a_year_once(year: int) -> None:
    """Twice on each working day, whatever the clocks do; each at the local time that is written."""
    found = local_between(reading("08:00", "13:00"), f"{year}-01-01", f"{year + 1}-01-01")
    working = [
        day
        for n in range(366)
        if (day := date(year, 1, 1) + timedelta(days=n)).year == year
        and day.weekday() < 5
        and not HOLIDAYS.is_holiday(day)
    ]
    assert [local[:16] for local in found] == [f"{day}T{at}" for day in working for at in ("08:00", "13:00")]
    assert 248 <= len(working) <= 254


@given(at=st.times(), day=st.dates(date(2025, 1, 1), date(2030, 1, 1)), zone=st.sampled_from(ZONES[:4]))
def test_a_deadline_shows_its_own_time_or_the_first_moment_after_a_leap(
    at: time, day: date, zone: ZoneInfo
) -> None:
    at = at.replace(second=0, microsecond=0)
    start = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    found = deadlines_between(
        reading(at, on=EVERY_DAY), after=start - timedelta(seconds=1), until=start + timedelta(hours=27),
        zone=zone, holidays=HOLIDAYS,
    )  # fmt: skip
    first = found[0].at
    if first.astimezone(zone).replace(tzinfo=None) != datetime.combine(day, at):
        second_before = (first - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert second_before < datetime.combine(day, at) < first.astimezone(zone).replace(tzinfo=None)
