"""What could not be settled: due again after growing pauses, forgotten when it is gone or renumbered."""

from rorpost_gateway.collecting.later import Later
from rorpost_gateway.retry import Schedule

PAUSES = Schedule(first_seconds=10, factor=2, longest_seconds=30)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def later(clock: Clock) -> Later:
    made = Later(clock, pauses=PAUSES, chance=lambda: 0.5)
    assert not made.begin(7)
    return made


def test_each_time_for_longer() -> None:
    clock = Clock()
    it = later(clock)
    assert it.due(1)
    assert it.seconds_to_next() is None
    for pause in (10, 20, 30, 30):
        it.put_off(1)
        assert not it.due(1)
        assert it.due(2)
        assert it.seconds_to_next() == pause
        clock.now += pause
        assert it.due(1)
        assert it.seconds_to_next() == 0


def test_what_was_settled_begins_anew() -> None:
    clock = Clock()
    it = later(clock)
    it.put_off(1)
    it.put_off(1)
    it.settled(1)
    it.put_off(1)
    assert it.seconds_to_next() == 10


def test_what_has_gone_is_forgotten() -> None:
    it = later(Clock())
    it.put_off(1)
    it.put_off(2)
    it.note_too_large(3)
    it.keep([2])
    assert it.due(1)
    assert not it.due(2)
    assert not it.too_large(3)


def test_other_numbers_are_other_messages() -> None:
    it = later(Clock())
    it.put_off(1)
    it.note_too_large(2)
    assert not it.begin(7)
    assert not it.due(1)
    assert it.too_large(2)
    assert it.begin(8)
    assert it.due(1)
    assert not it.too_large(2)
