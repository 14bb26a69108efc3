"""Who is authorised for what on a day: standing, days left, what goes on."""

from datetime import date
from typing import Any

import pytest

from rorpost_gateway.policy.access import Access, Standing, accesses

BOX = "rorpost.hemsjukvarden@motala.se"
PERSON = """\
      - user: {user}
        name: {user}
        requested_by: eva.ek@motala.se
        executed_by: it.drift@motala.se
        valid_from: {first}
        valid_until: {last}
"""


def rows(world: Any, day: str, *people: tuple[str, str, str]) -> tuple[Access, ...]:
    users = "".join(PERSON.format(user=f"{u}@motala.se", first=f, last=t) for u, f, t in people)
    policy = world.load(f"mailboxes:\n  {BOX}:\n    manager: eva.ek@motala.se\n    users:\n{users}")
    return accesses(policy, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "standing", "left"),
    [
        ("2026-02-28", Standing.TO_COME, 30),
        ("2026-03-01", Standing.IN_FORCE, 29),
        ("2026-03-30", Standing.IN_FORCE, 0),
        ("2026-03-31", Standing.OVER, None),
    ],
)
def test_both_ends_are_included(world: Any, day: str, standing: Standing, left: int | None) -> None:
    (row,) = rows(world, day, ("anna", "2026-03-01", "2026-03-30"))
    assert (row.standing, row.days_left) == (standing, left)


def test_who_goes_on_the_day_after_loses_nothing(world: Any) -> None:
    first, second, third = rows(
        world,
        "2026-03-25",
        ("anna", "2026-03-01", "2026-03-30"),
        ("anna", "2026-03-31", "2026-12-31"),
        ("bo", "2026-03-01", "2026-03-30"),
    )
    assert (first.renewed, second.renewed, third.renewed) == (True, False, False)
    assert [row.ends_within(5) for row in (first, second, third)] == [False, False, True]
    assert not third.ends_within(4)


def test_a_gap_of_one_day_is_an_end(world: Any) -> None:
    first, _ = rows(
        world, "2026-03-25", ("anna", "2026-03-01", "2026-03-30"), ("anna", "2026-04-01", "2026-12-31")
    )
    assert first.ends_within(5)


def test_of_one_mailbox_in_any_case_of_letters(world: Any) -> None:
    users = PERSON.format(user="anna@motala.se", first="2026-01-01", last="2026-12-31")
    other = "rorpost.bistand@motala.se"
    policy = world.load(f"mailboxes:\n  {BOX}:\n    users:\n{users}  {other}:\n    users:\n{users}")
    day = date(2026, 5, 6)
    assert [row.mailbox for row in accesses(policy, day)] == [other, BOX]
    assert [row.mailbox for row in accesses(policy, day, mailbox=BOX.upper())] == [BOX]
    assert accesses(policy, day, mailbox="rorpost.ingen@motala.se") == ()
