"""Whether a deadline was met, by what one look found, and when it looked."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.supervision.contents import Contents, FolderContents, NotLookedInto
from rorpost_gateway.supervision.deadlines import (
    MET,
    MISSED,
    PUNCTUAL_SECONDS,
    Deadline,
    Judgement,
    Outcome,
    judge,
    still_unread,
)

AT = datetime(2026, 3, 30, 6, tzinfo=UTC)
DEADLINE = Deadline(mailbox="rorpost.a@motala.se", at=AT, local="2026-03-30T08:00:00+02:00")


def look(*, seconds_after: float = 0, oldest_unread: float | None = None, read: int = 0) -> Contents:
    """Times in seconds after the deadline; negative is before."""
    oldest = None if oldest_unread is None else AT + timedelta(seconds=oldest_unread)
    unread = 0 if oldest is None else 1
    inbox = FolderContents(messages=unread + read, unread=unread, oldest_unread_at=oldest)
    return Contents(looked_at=AT + timedelta(seconds=seconds_after), inbox=inbox)


def unknown(cause: str) -> Judgement:
    return Judgement(outcome=Outcome.UNKNOWN, cause=cause)


@pytest.mark.parametrize("arrived", [-86400.0, -1.0, 0.0])
def test_unread_mail_that_had_arrived_by_the_deadline_is_a_miss(arrived: float) -> None:
    assert judge(DEADLINE, look(oldest_unread=arrived)) == MISSED


@pytest.mark.parametrize(
    "found",
    [look(), look(read=7), look(oldest_unread=1, seconds_after=2), look(seconds_after=PUNCTUAL_SECONDS)],
    ids=["empty", "all read", "arrived after it", "looked just in time"],
)
def test_met(found: Contents) -> None:
    assert judge(DEADLINE, found) == MET


def test_a_mailbox_that_cannot_be_looked_into_is_neither() -> None:
    fault = NotLookedInto(looked_at=AT, cause="login refused")
    assert judge(DEADLINE, fault) == unknown("login refused")


def test_a_look_that_came_too_late_proves_nothing_good() -> None:
    assert judge(DEADLINE, look(seconds_after=PUNCTUAL_SECONDS + 1)) == unknown(
        "looked 301 s too late to know"
    )


def test_what_is_unread_at_a_late_look_was_not_read_in_time() -> None:
    assert judge(DEADLINE, look(seconds_after=86400, oldest_unread=-1)) == MISSED


@pytest.mark.parametrize("oldest_unread", [None, -5.0])
def test_a_look_before_the_deadline_says_nothing(oldest_unread: float | None) -> None:
    early = look(seconds_after=-1, oldest_unread=oldest_unread)
    assert judge(DEADLINE, early) == unknown("looked before the deadline")


def test_the_grace_is_time_to_read_and_not_to_arrive() -> None:
    during, at_its_end = look(seconds_after=599, oldest_unread=-1), look(seconds_after=600, oldest_unread=-1)
    assert judge(DEADLINE, during, grace_seconds=600) == unknown("looked before the grace had ended")
    assert judge(DEADLINE, at_its_end, grace_seconds=600) == MISSED
    assert judge(DEADLINE, look(seconds_after=600, oldest_unread=1), grace_seconds=600) == MET
    assert judge(DEADLINE, look(seconds_after=300), grace_seconds=600) == MET
    assert judge(DEADLINE, look(seconds_after=600 + PUNCTUAL_SECONDS), grace_seconds=600) == MET


def test_how_late_is_too_late_can_be_said() -> None:
    assert judge(DEADLINE, look(seconds_after=2), punctual_seconds=1).outcome is Outcome.UNKNOWN


def test_foreign_mail_of_both_folders_counts() -> None:
    inbox, sent = FolderContents(foreign=2), FolderContents(foreign=3)
    assert Contents(looked_at=AT, inbox=inbox, sent=sent).foreign == 5
    assert Contents(looked_at=AT, inbox=inbox).foreign == 2


@given(
    seconds=st.floats(-1e6, 1e6),
    oldest_unread=st.none() | st.floats(-1e6, 1e6),
    grace=st.floats(0, 1e5),
)
def test_nothing_unread_is_ever_called_met(seconds: float, oldest_unread: float | None, grace: float) -> None:
    found = look(seconds_after=seconds, oldest_unread=oldest_unread)
    judged = judge(DEADLINE, found, grace_seconds=grace)
    if judged == MET:
        assert not still_unread(DEADLINE, found)
        assert 0 <= (found.looked_at - AT).total_seconds() <= grace + PUNCTUAL_SECONDS + 1
    if judged == MISSED:
        assert still_unread(DEADLINE, found)
    assert (judged.cause is None) == (judged.outcome is not Outcome.UNKNOWN)
