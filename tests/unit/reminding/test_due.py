"""Which reminders are due on a day: each step once, the late one for all before it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rorpost_gateway.reminding.base import Ending, Told
from rorpost_gateway.reminding.due import due

LAST = date(2026, 12, 31)
ENDING = Ending(
    mailbox="rorpost.hemsjukvarden@motala.se",
    mailbox_name="Hemsjukvården",
    user="anna.berg@motala.se",
    name="Anna Berg",
    valid_from=date(2026, 1, 1),
    valid_until=LAST,
    recipient="eva.ek@motala.se",
)
STEPS = (30, 7)


def told(days_left: int, ending: Ending = ENDING) -> Told:
    return Told(mailbox=ending.mailbox, user=ending.user, valid_until=ending.valid_until, days_left=days_left)


def is_due(left: int, *before: int, ending: Ending = ENDING) -> bool:
    day = ending.valid_until - timedelta(days=left)
    return bool(due([ending], [told(each) for each in before], day=day, steps_days=STEPS))


@pytest.mark.parametrize(
    ("left", "before", "expected"),
    [
        (31, (), False),
        (30, (), True),
        (30, (30,), False),
        (8, (30,), False),
        (7, (30,), True),
        (7, (30, 7), False),
        (0, (30, 7), False),
        (29, (), True),  # nothing ran the day before
        (28, (29,), False),
        (3, (), True),  # one stands for both
        (2, (3,), False),
        (0, (), True),
        (-1, (), False),
    ],
)
def test_each_step_once(left: int, before: tuple[int, ...], expected: bool) -> None:
    assert is_due(left, *before) is expected


def test_every_day_of_a_year_tells_twice() -> None:
    sent: list[Told] = []
    for left in range(364, -5, -1):
        if due([ENDING], sent, day=LAST - timedelta(days=left), steps_days=STEPS):
            sent.append(told(left))
    assert [each.days_left for each in sent] == [30, 7]


@pytest.mark.parametrize(("days", "expected"), [(5, []), (7, []), (8, [7]), (30, [7]), (31, [30, 7])])
def test_a_step_that_it_is_too_short_for_is_none(days: int, expected: list[int]) -> None:
    short = replace(ENDING, valid_from=LAST - timedelta(days=days))
    sent: list[Told] = []
    for left in range(days, -1, -1):
        if due([short], sent, day=LAST - timedelta(days=left), steps_days=STEPS):
            sent.append(told(left))
    assert [each.days_left for each in sent] == expected


def test_another_last_day_person_or_mailbox_is_another_authorisation() -> None:
    day = LAST - timedelta(days=7)
    for other in (
        replace(ENDING, valid_until=LAST - timedelta(days=1)),
        replace(ENDING, user="bo.lind@motala.se"),
        replace(ENDING, mailbox="rorpost.bistand@motala.se"),
    ):
        assert due([ENDING], [told(7, other)], day=day, steps_days=STEPS) == (ENDING,)
