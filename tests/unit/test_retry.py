"""The retry schedule: what the contract promises, and its edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.retry import Schedule

CONTRACT = Schedule()
EVEN = 0.5  # the chance that leaves a pause as it is


@pytest.mark.parametrize(
    "wrong", [{"first_seconds": 0}, {"factor": 0.5}, {"longest_seconds": -1}, {"give_up_after_seconds": 0}]
)
def test_a_schedule_that_would_spin_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="pauses"):
        Schedule(**wrong)


def test_pauses_double_from_thirty_seconds_to_an_hour() -> None:
    pauses = [CONTRACT.pause_seconds(n, EVEN) for n in range(1, 10)]
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_huge_number_of_attempts_stays_at_the_longest_pause() -> None:
    assert CONTRACT.pause_seconds(10**9, EVEN) == 3600


@given(attempts=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_the_spread_is_bounded(attempts: int, chance: float) -> None:
    plain = CONTRACT.pause_seconds(attempts, EVEN)
    assert plain * 0.8 <= CONTRACT.pause_seconds(attempts, chance) <= plain * 1.2


def test_the_warning_is_due_after_an_hour_and_giving_up_after_two_days() -> None:
    assert not CONTRACT.warning_due(received_at=100, now=3699.9)
    assert CONTRACT.warning_due(received_at=100, now=3700)
    assert not CONTRACT.give_up_due(received_at=100, now=100 + 172_799)
    assert CONTRACT.give_up_due(received_at=100, now=100 + 172_800)


@pytest.mark.parametrize("limit", [3600, 172_800])
def test_an_attempt_is_not_put_off_past_the_moment_of_a_notice(limit: int) -> None:
    assert CONTRACT.next_attempt_at(received_at=0, now=limit - 10, attempts=9, chance=EVEN) == limit


@given(now=st.floats(0, 400_000), attempts=st.integers(1, 100), chance=st.floats(0, 1, exclude_max=True))
def test_the_next_attempt_is_always_later_than_now(now: float, attempts: int, chance: float) -> None:
    assert CONTRACT.next_attempt_at(received_at=0, now=now, attempts=attempts, chance=chance) > now


def test_from_reception_to_giving_up_there_are_a_bounded_number_of_attempts() -> None:
    now, attempts = 0.0, 1
    while not CONTRACT.give_up_due(received_at=0, now=now):
        now = CONTRACT.next_attempt_at(received_at=0, now=now, attempts=attempts, chance=EVEN)
        attempts += 1
    assert now == 172_800
    assert 50 < attempts < 60
