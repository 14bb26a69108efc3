"""Swedish holidays, against dates from printed calendars and against Easter worked out another way."""

import subprocess
import sys
from datetime import date, timedelta

import pytest

from rorpost_gateway.supervision.calendar import SwedishHolidays

EVERY_YEAR = ("01-01", "01-06", "05-01", "06-06", "12-24", "12-25", "12-26", "12-31")
# Långfredagen, påskdagen, annandag påsk, Kristi himmelsfärdsdag, pingstdagen, midsommarafton,
# midsommardagen, alla helgons dag.
MOVABLE = {
    2024: ("03-29", "03-31", "04-01", "05-09", "05-19", "06-21", "06-22", "11-02"),
    2025: ("04-18", "04-20", "04-21", "05-29", "06-08", "06-20", "06-21", "11-01"),
    2026: ("04-03", "04-05", "04-06", "05-14", "05-24", "06-19", "06-20", "10-31"),
    2027: ("03-26", "03-28", "03-29", "05-06", "05-16", "06-25", "06-26", "11-06"),
    2028: ("04-14", "04-16", "04-17", "05-25", "06-04", "06-23", "06-24", "11-04"),
}
HOLIDAYS = SwedishHolidays()


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", MOVABLE)
def test_a_year_has_these_holidays_and_no_other(year: int) -> None:
    found = {day.isoformat()[5:] for day in days_of(year) if HOLIDAYS.is_holiday(day)}
    assert found == {*EVERY_YEAR, *MOVABLE[year]}


@pytest.mark.parametrize(
    "day",
    [
        "2026-01-05",  # trettondagsafton
        "2026-04-02",  # skärtorsdagen
        "2026-04-04",  # påskafton
        "2026-04-30",  # valborgsmässoafton
        "2026-05-15",  # the day between Kristi himmelsfärdsdag and a weekend
        "2026-05-25",  # annandag pingst, a working day since 2005
        "2026-10-30",  # the day before alla helgons dag
        "2026-12-23",
        "2026-12-30",
        "2026-03-29",  # a Sunday: a weekday like others here
    ],
)
def test_what_is_no_holiday(day: str) -> None:
    assert not HOLIDAYS.is_holiday(date.fromisoformat(day))


def easter_sunday(year: int) -> date:
    """By the rule of 1876 that stands in every almanac (Nature, 20 April 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    n = (h - m + r + 90) // 25
    return date(year, n, (h - m + r + n + 19) % 32)


def test_easter_of_many_years() -> None:
    assert easter_sunday(2026) == date(2026, 4, 5)
    for year in range(2005, 2100):
        easter = easter_sunday(year)
        for days in (-2, 0, 1, 39, 49):
            assert HOLIDAYS.is_holiday(easter + timedelta(days=days)), (year, days)


def test_the_library_is_imported_by_the_first_calendar_and_by_nothing_else() -> None:
    """It takes 0.1 s, which `rorpost --help` and reading a policy do not spend."""
    program = (
        "import sys; import rorpost_gateway.cli.main, rorpost_gateway.policy.load;"
        "from rorpost_gateway.supervision import calendar, deadlines, notices;"
        "sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
