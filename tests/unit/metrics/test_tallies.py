"""Counting: each line once, aggregated ones for all they stand for, and nothing but words of ours."""

from typing import Any

import pytest

from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.aggregate import Aggregate
from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.metrics.tallies import BUCKETS, Tallies
from rorpost_gateway.stages import UNTIMED, Stage, Suspicion

RECORDS = Records(contains_identity_number=lambda _: False, is_known=lambda _: True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tallies(clock: Clock) -> Tallies:
    return Tallies(clock=clock, now=lambda: 1_790_000_000.0)


def decision(reason: Reason, action: Action = Action.REJECT, **more: Any) -> Record:
    return RECORDS.decision(direction=Direction.OUTBOUND, action=action, reason=reason, **more)


def test_what_has_not_happened_is_zero(tallies: Tallies) -> None:
    before = tallies.tallied()
    assert len(before.decisions) == 2 * (len(Reason) - 1)
    assert set(before.decisions.values()) == set(before.copies.values()) == {0}
    assert before.decisions["inbound", "defer", "gateway-full"] == 0
    assert (before.position, before.last_line_at, before.lines) == (None, None, {})


def test_decisions(tallies: Tallies) -> None:
    accepted = decision(Reason.OK, Action.ACCEPT)
    tallies.lines_written([accepted, accepted, decision(Reason.URGENT)], 41)
    tallies.lines_written([decision(Reason.URGENT)], 42)
    counted = tallies.tallied()
    assert {words: n for words, n in counted.decisions.items() if n} == {
        ("outbound", "accept", "ok"): 2,
        ("outbound", "reject", "urgent"): 2,
    }
    assert (counted.position, counted.last_line_at) == (42, 1_790_000_000.0)
    assert counted.lines == {"decision": 4}


def test_an_aggregated_line_counts_for_what_it_stands_for(tallies: Tallies) -> None:
    failed = Aggregate(client="192.0.2.7", reason=Reason.LOGIN_FAILED, count=7, since=1.0)
    refused = Aggregate(client="192.0.2.7", reason=Reason.TOO_MANY_CONNECTIONS, count=900, since=1.0)
    tallies.lines_written([RECORDS.login_failed(client="192.0.2.7")], 1)
    tallies.lines_written([RECORDS.flood(failed), RECORDS.flood(refused, direction=Direction.INBOUND)], 3)
    counted = tallies.tallied()
    assert counted.login_failures == 8
    assert sum(counted.decisions.values()) == 900
    assert {words[0] for words, n in counted.decisions.items() if n} == {"inbound"}


@pytest.mark.parametrize(
    "event", ["relayed", "deferred", "bounced", "delivered", "held", "released", "removed"]
)
def test_what_became_of_copies(tallies: Tallies, event: str) -> None:
    line = getattr(RECORDS, event)(decision_id="x", queue_id="Q", direction=Direction.INBOUND)
    tallies.lines_written([line], 5)
    assert {words: n for words, n in tallies.tallied().copies.items() if n} == {("inbound", event): 1}


def test_every_event_is_counted_and_nobody_else_is_in_it(tallies: Tallies) -> None:
    for n, event in enumerate(Event):
        tallies.lines_written([Record(event=event, fields={"recipient": "anna.berg@motala.se"})], n)
    counted = tallies.tallied()
    assert counted.lines == dict.fromkeys((event.value for event in Event), 1)
    assert "anna" not in repr(counted)


def test_lines_without_fields_trouble_nobody(tallies: Tallies) -> None:
    """The log's writer must not stumble over who listens."""
    tallies.lines_written([record.heartbeat(), record.stop()], 9)
    tallies.lines_written([Record(event=Event.DECISION, fields={"count": "many"})], 10)
    assert tallies.tallied().position == 10


def test_suspicions(tallies: Tallies) -> None:
    assert tallies.tallied().suspected == {("outside_quotes",): 0}
    tallies.suspected(Suspicion.OUTSIDE_QUOTES)
    assert tallies.tallied().suspected == {("outside_quotes",): 1}
    UNTIMED.suspected(Suspicion.OUTSIDE_QUOTES)


def test_what_was_tallied_stands_still(tallies: Tallies) -> None:
    before = tallies.tallied()
    tallies.lines_written([decision(Reason.URGENT)], 1)
    with tallies.timed(Stage.SEAL):
        pass
    assert sum(before.decisions.values()) == 0
    assert sum(before.times[Stage.SEAL][0]) == 0


@pytest.mark.parametrize(
    ("took", "bucket"),
    [(0.0, 0), (BUCKETS[0], 0), (0.0007, 1), (BUCKETS[-1], len(BUCKETS) - 1), (3600.0, len(BUCKETS))],
)
def test_a_stage_is_timed(tallies: Tallies, clock: Clock, took: float, bucket: int) -> None:
    with tallies.timed(Stage.SEAL):
        clock.now += took
    counts, seconds = tallies.tallied().times[Stage.SEAL]
    assert [n for n, count in enumerate(counts) if count] == [bucket]
    assert seconds == took
    assert sum(tallies.tallied().times[Stage.RELAY][0]) == 0


def test_work_at_the_same_time_and_work_that_fails(tallies: Tallies, clock: Clock) -> None:
    def fail() -> None:
        with tallies.timed(Stage.RELAY):
            clock.now += 2
            raise ZeroDivisionError

    with tallies.timed(Stage.RELAY):
        clock.now += 1
        with pytest.raises(ZeroDivisionError):
            fail()
    counts, seconds = tallies.tallied().times[Stage.RELAY]
    assert (sum(counts), seconds) == (2, 5.0)


def test_without_anybody_who_wants_to_know() -> None:
    with UNTIMED.timed(Stage.SEAL), UNTIMED.timed(Stage.SEAL):
        pass
