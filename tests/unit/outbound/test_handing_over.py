"""The last step before a 250: copies go straight to the relay where it has places, and are never lost."""

import asyncio
from collections.abc import Sequence

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.base import Claim, Copy, NewCopy, QueuedMessage, State, as_claimed
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

BOTH = (world.BRINKEN, world.LYCKORNA)
CLAIM = Claim(node="gw1", lease_until=2e9)


class Relay:
    """Has places or has none; remembers what it was given."""

    def __init__(self, claim: Claim | None = CLAIM) -> None:
        self.claim = claim
        self.reserved: list[str] = []
        self.taken: list[tuple[Copy, bytes]] = []
        self.told: list[str] = []
        self.took = asyncio.Event()

    def reserve(self, copies: Sequence[NewCopy]) -> Claim | None:
        self.reserved = [copy.recipient for copy in copies] if self.claim else []
        return self.claim

    def take_on(self, message: QueuedMessage, copies: Sequence[NewCopy], claim: Claim) -> None:
        now = message.received_at
        self.taken += [(as_claimed(message, copy, claim, now=now), copy.sealed) for copy in copies]
        self.reserved = []
        self.took.set()

    def look_for(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        self.told += [f"{message.queue_id}/{copy.recipient}" for copy in copies]

    def let_go(self, copies: Sequence[NewCopy]) -> None:
        for copy in copies:
            self.reserved.remove(copy.recipient)


async def test_the_relay_is_given_what_is_claimed_for_it(house: OutboundHouse) -> None:
    relay = Relay()
    house.change(relay=relay)
    assert (await house.submit(recipients=BOTH)).reason == "ok"
    stored = await house.copies()
    assert [copy for copy, _ in relay.taken] == stored
    assert {copy.state for copy in stored} == {State.CLAIMED}
    for copy, octets in relay.taken:
        assert octets == await house.queue.sealed(copy.message.queue_id, copy.recipient)
    assert (relay.told, house.told_relay) == ([], 0)


async def test_without_places_the_copies_are_ready_before_the_relay_is_told(house: OutboundHouse) -> None:
    relay = Relay(claim=None)
    house.change(relay=relay)
    assert (await house.submit(recipients=BOTH)).reason == "ok"
    stored = await house.copies()
    assert [copy.state for copy in stored] == [State.READY] * 2
    assert (relay.taken, relay.told) == ([], [copy.name for copy in stored])


@pytest.mark.parametrize("fault", [QueueUnavailable("the queue failed"), ZeroDivisionError()])
async def test_what_did_not_become_ready_goes_nowhere(house: OutboundHouse, fault: Exception) -> None:
    relay = Relay()
    house.change(relay=relay)
    house.faults["make_ready"] = fault
    if isinstance(fault, QueueUnavailable):
        assert (await house.submit(recipients=BOTH)).reason == "gateway-fault"
    else:
        with pytest.raises(ZeroDivisionError):
            await house.submit(recipients=BOTH)
    assert (relay.taken, relay.reserved) == ([], [])
    assert await house.copies() == []


async def test_a_client_that_goes_at_the_last_moment_takes_nothing_with_it(house: OutboundHouse) -> None:
    relay = Relay()
    house.change(relay=relay)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def linger() -> None:
        reached.set()
        await go_on.wait()

    house.before = {"make_ready": linger}
    submitting = asyncio.create_task(house.submit(recipients=BOTH))
    async with asyncio.timeout(20):
        await reached.wait()
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        assert relay.taken == []
        go_on.set()
        await relay.took.wait()
    assert [copy for copy, _ in relay.taken] == await house.copies()
