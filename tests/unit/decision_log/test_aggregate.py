"""Floods: one line at once, one for the rest of the minute, bounded memory."""

from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.aggregate import OTHER, Aggregate, Floods

FAILED = Reason.LOGIN_FAILED


def test_the_first_is_a_line_and_the_rest_of_the_minute_one_more() -> None:
    floods = Floods()
    assert floods.note("192.0.2.1", FAILED, now=100.0)
    assert not any(floods.note("192.0.2.1", FAILED, now=100.0 + second) for second in range(50))
    assert floods.due(159.9) == []
    assert floods.due(160.0) == [Aggregate(client="192.0.2.1", reason=FAILED, count=50, since=100.0)]
    assert floods.due(160.0) == []
    assert floods.note("192.0.2.1", FAILED, now=160.0)


def test_a_single_one_makes_no_second_line() -> None:
    floods = Floods()
    assert floods.note("192.0.2.1", FAILED, now=0.0)
    assert floods.due(60.0) == []
    assert floods.next_due() is None


def test_clients_and_reasons_are_counted_apart() -> None:
    floods = Floods()
    assert floods.note("192.0.2.1", FAILED, now=0.0)
    assert floods.note("192.0.2.1", Reason.TLS_REQUIRED, now=1.0)
    assert floods.note("192.0.2.2", FAILED, now=2.0)
    assert floods.next_due() == 60.0


def test_beyond_the_bound_everyone_is_other() -> None:
    floods = Floods(clients=3)
    lines = [floods.note(f"192.0.2.{number}", FAILED, now=0.0) for number in range(100)]
    assert lines == [True] * 4 + [False] * 96
    assert floods.drain() == [Aggregate(client=OTHER, reason=FAILED, count=96, since=0.0)]


def test_memory_is_bounded_by_clients_and_reasons() -> None:
    floods = Floods(clients=10)
    for number in range(1000):
        for reason in (FAILED, Reason.TLS_REQUIRED, Reason.TOO_MANY_CONNECTIONS):
            floods.note(str(number), reason, now=0.0)
    assert len(floods._windows) <= 10 + 3


def test_no_count_is_lost_and_none_is_double() -> None:
    floods = Floods(clients=5)
    lines = counted = 0
    for step in range(10_000):
        now = step * 0.5
        lines += floods.note(str(step * 7919 % 23), FAILED, now=now)
        counted += sum(aggregate.count for aggregate in floods.due(now))
    counted += sum(aggregate.count for aggregate in floods.drain())
    assert lines + counted == 10_000


def test_a_clock_that_jumps_back_closes_the_minute() -> None:
    floods = Floods()
    floods.note("192.0.2.1", FAILED, now=1000.0)
    floods.note("192.0.2.1", FAILED, now=1001.0)
    assert len(floods.due(500.0)) == 1
