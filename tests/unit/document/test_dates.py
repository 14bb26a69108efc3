"""Days in other forms: the one that was meant where there is no doubt, and none where there is."""

import pytest

from rorpost_gateway.document.dates import meant_day, no_such_day, why_no_day


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-1-1", "2026-01-01"),
        ("20261231", "2026-12-31"),
        ("2026/12/31", "2026-12-31"),
        ("2026.12.31", "2026-12-31"),
        ("2026-12-31T23:59:59+01:00", "2026-12-31"),
        ("2026-12-31 23:59", "2026-12-31"),
        ("31/12/2026", "2026-12-31"),
        ("31.12.2026", "2026-12-31"),
        ("4/4/2026", "2026-04-04"),
        ("03/04/2026", ""),  # which of the two is the month is a guess
        ("2026-13-01", ""),
        ("0000-01-01", ""),
        ("tomorrow", ""),
        ("", ""),
    ],
)
def test_the_day_that_was_meant(written: str, meant: str) -> None:
    assert meant_day(written) == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-02-30", "February 2026 has 28 days"),
        ("2028-02-30", "February 2028 has 29 days"),
        ("2026-00-10", "a day is written year-month-day: 2026-12-31"),
        ("0000-01-01", "a day is written year-month-day: 2026-12-31"),
    ],
)
def test_a_day_that_is_none(written: str, said: str) -> None:
    assert no_such_day(written) == said


def test_why() -> None:
    assert "without them" in why_no_day("2026-12-31", quoted=True)
    assert "midnight" in why_no_day("2026-12-31T10:00", quoted=False)
    assert "2026-01-05" in why_no_day("soon", quoted=True)
