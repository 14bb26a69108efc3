"""`delivery.sent_copy`: one more copy, for the mailbox that sends. It never costs the message anything."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.envelope import Notify
from rorpost_gateway.errors import QueueUnavailable, SealingFailed
from rorpost_gateway.openpgp.base import KeyIndex, Sealed
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.queue.base import Claim, NewCopy, Purpose, QueuedMessage, State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.submitting import make_message

RULE = "delivery.sent_copy"
BOTH = (world.BRINKEN, world.LYCKORNA)
MARKER = "Markorord"


@pytest.fixture
def sending(house: OutboundHouse) -> OutboundHouse:
    house.change(sent_copies=True)
    return house


class Keys:
    """The real keys, but for what one mailbox is sealed to."""

    def __init__(self, keys: KeyIndex, *, instead: Reason) -> None:
        self._keys = keys
        self._instead = instead

    def __getattr__(self, name: str) -> object:
        return getattr(self._keys, name)

    def for_sealing(self, address: str, pinned: Sequence[str], at: object) -> KeyChoice | Reason:
        return self._instead if address == world.HOME_CARE else self._keys.for_sealing(address, pinned, at)  # type: ignore[arg-type]


class OneFails:
    """An engine that cannot seal to one key."""

    def __init__(self, engine: GnupgEngine, fails_for: str, fault: Exception) -> None:
        self._engine = engine
        self._fails_for = fails_for
        self._fault = fault

    async def seal(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        if seal_to.primary == self._fails_for:
            raise self._fault
        return await self._engine.seal(payload, seal_to=seal_to, sign_with=sign_with)


def of_copies(house: OutboundHouse) -> list[tuple[str, str, str]]:
    return [(line["recipient"], line["action"], line["reason"]) for line in house.lines()]


# --- what has none


async def test_what_is_refused_leaves_none(sending: OutboundHouse) -> None:
    assert (await sending.submit(Importance="high")).reason == "urgent"
    assert "seal" not in sending.steps
    assert await sending.copies() == []
    assert [line["recipient"] for line in sending.lines()] == [world.BRINKEN]


async def test_a_message_that_cannot_be_sealed_leaves_none(sending: OutboundHouse) -> None:
    fault = SealingFailed("no", private="no")
    sending.change(engine=OneFails(sending.engine, sending.keys.receiver, fault))
    assert (await sending.submit()).reason == "gateway-fault"
    assert await sending.copies() == []
    assert of_copies(sending) == [(world.BRINKEN, "defer", "gateway-fault")]


async def test_nobody_asked_for_one(house: OutboundHouse) -> None:
    await house.submit()
    assert [copy.purpose for copy in await house.copies()] == [Purpose.MESSAGE]
    assert house.steps.count("seal") == 1


# --- what goes wrong with it concerns nobody else


@pytest.mark.parametrize("fault", [SealingFailed("no", private="no"), ZeroDivisionError()])
async def test_a_copy_that_cannot_be_sealed_does_not_stop_the_message(
    sending: OutboundHouse, fault: Exception
) -> None:
    sending.change(engine=OneFails(sending.engine, sending.keys.sender, fault))
    assert (await sending.submit()).reason == "ok"
    assert [copy.recipient for copy in await sending.copies(State.READY)] == [world.BRINKEN]
    assert of_copies(sending) == [
        (world.BRINKEN, "accept", "ok"),
        (world.HOME_CARE, "defer", "gateway-fault"),
    ]
    assert sending.lines()[1]["rule"] == RULE


@pytest.mark.parametrize("reason", [Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_UNUSABLE])
async def test_a_mailbox_without_a_key_to_seal_to(sending: OutboundHouse, reason: Reason) -> None:
    sending.in_force = replace(sending.in_force, keys=Keys(sending.index, instead=reason))  # type: ignore[arg-type]
    assert (await sending.submit()).reason == "ok"
    assert [copy.recipient for copy in await sending.copies(State.READY)] == [world.BRINKEN]
    line = sending.lines()[1]
    assert (line["recipient"], line["action"], line["reason"], line["rule"]) == (
        world.HOME_CARE,
        "reject",
        reason.value,
        RULE,
    )


async def test_one_that_is_too_large_for_the_queue(sending: OutboundHouse) -> None:
    limits = {world.OURS: 100, world.THEIRS: 54_525_952}
    sending.change(sealed_size_for=lambda domain: limits[domain])
    assert (await sending.submit()).reason == "ok"
    assert of_copies(sending)[1] == (world.HOME_CARE, "reject", "message-too-large")
    assert len(await sending.copies()) == 1


# --- what has one


async def test_a_copy_for_the_sender_is_queued_with_the_message(sending: OutboundHouse) -> None:
    answered = await sending.submit(recipients=BOTH, body=MARKER)
    assert answered.reason == "ok"
    assert sending.steps.count("insert_pending") == sending.steps.count("append") == 1
    *others, copy = await sending.copies(State.READY)
    assert [each.purpose for each in others] == [Purpose.MESSAGE] * 2
    assert (copy.purpose, copy.recipient) == (Purpose.SENT_COPY, world.HOME_CARE)
    assert copy.message.queue_id == answered.queue_id
    assert copy.encrypted_to == copy.signed_by == sending.keys.sender
    assert copy.notify == frozenset({Notify.NEVER})
    line = sending.lines()[-1]
    wanted = {
        "decision_id": copy.decision_id,
        "direction": "outbound",
        "action": "accept",
        "reason": "ok",
        "channel": "hemsjukvarden-region",
        "reverse_path": world.HOME_CARE,
        "recipient": world.HOME_CARE,
        "queue_id": answered.queue_id,
        "sealed_sha256": copy.sealed_sha256,
        "encrypted_to": copy.encrypted_to,
        "rule": RULE,
    }
    assert wanted.items() <= line.items()
    assert sending.holds(MARKER.encode()) == []


async def test_several_channels_are_all_named(sending: OutboundHouse) -> None:
    recipients = (world.BRINKEN, world.HOSPITAL)
    await sending.submit(recipients=recipients, X_Rorpost_Legal_Basis="samtycke")
    copy = (await sending.copies())[-1]
    assert copy.channel == sending.lines()[-1]["channel"] == "hemsjukvarden-region, hemsjukvarden-lasarettet"


async def test_the_same_submission_again_makes_no_second_one(sending: OutboundHouse) -> None:
    octets = make_message(recipients=BOTH)
    first = await sending.submit(octets, recipients=(world.BRINKEN,))
    again = await sending.submit(octets, recipients=(world.BRINKEN,))
    assert (again.reason, again.queue_id) == ("duplicate", first.queue_id)
    more = await sending.submit(octets, recipients=BOTH)
    assert more.reason == "ok"
    copies = [copy for copy in await sending.copies() if copy.purpose is Purpose.SENT_COPY]
    assert [copy.message.queue_id for copy in copies] == [first.queue_id]
    assert [line["recipient"] for line in sending.lines() if line["rule"] == RULE] == [world.HOME_CARE]


async def test_at_the_same_time(sending: OutboundHouse) -> None:
    octets = make_message()
    async with asyncio.timeout(20):
        await asyncio.gather(*(sending.submit(octets) for _ in range(4)))
    assert [copy.recipient for copy in await sending.copies()] == [world.BRINKEN, world.HOME_CARE]


async def test_only_the_message_goes_straight_on(sending: OutboundHouse) -> None:
    """A claim on a sent copy would have to wait for a place that a message may need."""

    class Relay:
        claim = Claim(node="gw1", lease_until=2e9)
        taken: Sequence[NewCopy] = ()

        def reserve(self, copies: Sequence[NewCopy]) -> Claim:
            return self.claim

        def take_on(self, message: QueuedMessage, copies: Sequence[NewCopy], claim: Claim) -> None:
            self.taken = copies

    relay = Relay()
    sending.change(relay=relay)
    await sending.submit()
    assert {copy.purpose: copy.state for copy in await sending.copies()} == {
        Purpose.MESSAGE: State.CLAIMED,
        Purpose.SENT_COPY: State.READY,
    }
    assert len(relay.taken) == 2


@pytest.mark.parametrize("logged", [True, False])
async def test_after_a_crash_the_log_decides(sending: OutboundHouse, logged: bool) -> None:
    fault = QueueUnavailable("the queue failed", private="disk I/O error")
    sending.faults = {"discard_pending": fault, ("make_ready" if logged else "append"): fault}
    with suppress(QueueUnavailable):
        await sending.submit()
    assert len(await sending.copies(State.PENDING)) == 2
    sending.faults.clear()
    await settle_pending(
        sending.queue,
        logged_ids=sending.log.decision_ids_since,
        now=sending.clock(),
        received_before=float("inf"),
    )
    assert [copy.purpose for copy in await sending.copies(State.READY)] == (
        [Purpose.MESSAGE, Purpose.SENT_COPY] if logged else []
    )
