"""The order around a 250, and what is left where it breaks off: seal, pending, lines, ready, reply."""

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import LogUnavailable, QueueFull, QueueUnavailable, SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.queue.base import State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import Answered, OutboundHouse
from tests.peers.submitting import make_message

BOTH = (world.BRINKEN, world.LYCKORNA)
ORDER = ["find_duplicates", "seal", "seal", "insert_pending", "append", "make_ready", "relay_has_work"]


class Unforeseen(Exception):
    """Whatever nobody thought of; its text may hold anything."""


FAULTS = {
    "named": QueueUnavailable("the queue failed", private="disk I/O error"),
    "sealing": SealingFailed("the message could not be sealed", private="gpg ended 2"),
    "unforeseen": Unforeseen("Markorord"),
}


async def heard(house: OutboundHouse, **message: str) -> Answered | Exception:
    """What the session would make 451 of, where it is an exception."""
    try:
        return await house.submit(recipients=BOTH, **message)
    except Exception as error:  # noqa: BLE001
        return error


async def recover(house: OutboundHouse) -> None:
    """What a restart does with pending copies."""
    await settle_pending(
        house.queue, logged_ids=house.log.decision_ids_since, now=house.clock(), received_before=float("inf")
    )


async def test_the_order(house: OutboundHouse) -> None:
    states: list[tuple[list[State], int]] = []

    async def look() -> None:
        states.append(([copy.state for copy in await house.copies()], len(house.lines())))

    house.before = {"insert_pending": look, "append": look, "make_ready": look}
    answered = await house.submit(recipients=BOTH)
    assert answered.reason == "ok"
    assert house.steps == ORDER
    pending = [State.PENDING, State.PENDING]
    assert states == [([], 0), (pending, 0), (pending, 2)]
    assert house.told_relay == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", ["find_duplicates", "seal", "insert_pending"])
async def test_a_fault_before_anything_is_logged(house: OutboundHouse, step: str, fault: str) -> None:
    house.faults[step] = FAULTS[fault]
    with capture_logs() as said:
        outcome = await heard(house)
    if fault == "unforeseen":
        assert outcome is FAULTS[fault]  # the session tells the operator, and answers 451
    else:
        assert isinstance(outcome, Answered)
        assert outcome.reply.line.startswith("451 4.3.0 [gateway-fault] ")
        assert [entry["event"] for entry in said] == ["not-taken"]
    assert [(line["recipient"], line["reason"], line["action"]) for line in house.lines()] == [
        (each, "gateway-fault", "defer") for each in BOTH
    ]
    assert await house.copies() == []
    assert "Markorord" not in str(said)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_between_the_lines_and_ready_takes_the_copies_back(
    house: OutboundHouse, fault: str
) -> None:
    """The client hears 451 and sends again: the first try must not be relayed beside the second."""
    house.faults["make_ready"] = FAULTS[fault]
    outcome = await heard(house)
    assert outcome is FAULTS[fault] or (isinstance(outcome, Answered) and outcome.reply.code == 451)
    assert [line["reason"] for line in house.lines()] == ["ok", "ok", "gateway-fault", "gateway-fault"]
    assert await house.copies() == []
    assert house.told_relay == 0
    house.faults.clear()
    await recover(house)
    assert (await house.submit(recipients=BOTH)).reason == "ok"
    assert len(await house.copies(State.READY)) == 2


async def test_where_the_copies_cannot_be_taken_back_the_log_decides_at_the_next_start(
    house: OutboundHouse,
) -> None:
    house.faults = {"make_ready": FAULTS["named"], "discard_pending": FAULTS["named"]}
    outcome = await heard(house)
    assert isinstance(outcome, Answered)
    assert outcome.reply.code == 451
    assert len(await house.copies(State.PENDING)) == 2
    await recover(house)
    assert len(await house.copies(State.READY)) == 2


async def test_ready_after_all(house: OutboundHouse) -> None:
    """The commit was durable, and the answer got lost: the same again is a duplicate."""
    house.late_faults["make_ready"] = FAULTS["named"]
    octets = make_message(recipients=BOTH)
    assert (await house.submit(octets, recipients=BOTH)).reply.code == 451
    assert len(await house.copies(State.READY)) == 2
    assert (await house.submit(octets, recipients=BOTH)).reason == "duplicate"


async def test_a_full_queue(house: OutboundHouse) -> None:
    await house.close()
    await house.open(reserve_octets=1 << 60)
    outcome = await heard(house)
    assert isinstance(outcome, Answered)
    assert outcome.reply.line.startswith("452 4.3.1 [gateway-full] ")
    assert {line["reason"] for line in house.lines()} == {"gateway-full"}
    assert {line["action"] for line in house.lines()} == {"defer"}
    assert await house.copies() == []


async def test_full_when_it_becomes_ready(house: OutboundHouse) -> None:
    house.faults["make_ready"] = QueueFull("no room")
    outcome = await heard(house)
    assert isinstance(outcome, Answered)
    assert outcome.reply.code == 452
    assert await house.copies() == []


async def test_a_log_that_fails_answers_nothing_and_leaves_nothing_that_may_be_sent(
    house: OutboundHouse,
) -> None:
    house.disk.broken = True
    outcome = await heard(house)
    assert isinstance(outcome, LogUnavailable)
    assert {copy.state for copy in await house.copies()} == {State.PENDING}
    assert house.told_relay == 0
    assert "make_ready" not in house.steps
    # Nothing else is answered either: not even a refusal, which needs its line.
    for refused in ({"recipients": (world.NO_CHANNEL,)}, {"sender": world.ANNA}, {"Importance": "high"}):
        with pytest.raises(LogUnavailable):
            await house.submit(**refused)


async def test_what_a_failed_log_left_is_judged_at_the_next_start(house: OutboundHouse) -> None:
    """The lines may have reached the disk before the disk said no; then the copies go out."""
    house.disk.broken = True
    assert isinstance(await heard(house), LogUnavailable)
    await house.close()
    house.disk.broken = False
    await house.open()
    logged = {line["decision_id"] for line in house.lines() if line["action"] == "accept"}
    await recover(house)
    assert {copy.decision_id for copy in await house.copies()} == logged
    assert not await house.copies(State.PENDING)


async def test_a_fault_before_the_policy_is_asked(
    house: OutboundHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise Unforeseen

    monkeypatch.setattr("rorpost_gateway.outbound.transaction.read_submitted", broken)
    assert isinstance(await heard(house), Unforeseen)
    assert [line["reason"] for line in house.lines()] == ["gateway-fault"] * 2


async def test_one_copy_that_cannot_be_sealed_stops_the_whole_message(house: OutboundHouse) -> None:
    calls = []

    async def second_fails() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise SealingFailed("no", private="no")

    house.before["seal"] = second_fails
    outcome = await heard(house)
    assert isinstance(outcome, Answered)
    assert outcome.reply.reason is Reason.GATEWAY_FAULT
    assert await house.copies() == []
    assert len(house.lines()) == 2


async def test_a_missing_private_key_is_a_fault_and_nothing_leaves(house: OutboundHouse) -> None:
    """The index was read before the key vanished: gpg itself refuses, and so do we."""
    house.change(engine=GnupgEngine(house.keys.receiver_home, None))
    outcome = await heard(house)
    assert isinstance(outcome, Answered)
    assert outcome.reply.reason is Reason.GATEWAY_FAULT
    assert await house.copies() == []
