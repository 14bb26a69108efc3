"""What operators do to the queue, per message and per recipient, also while a copy is being sent."""

from rorpost_gateway.queue.base import Queue, Retry, State
from tests.peers.queues import (
    BRINKEN,
    LEASE,
    LYCKORNA,
    NOW,
    claim,
    put_claimed,
    put_pending,
    put_ready,
)

LATER = Retry(next_attempt_at=NOW + 30, reply="451 4.7.1 try later", next_hop="mx.example:25")


async def states(queue: Queue, identity: str) -> dict[str, State]:
    return {c.recipient: c.state for c in await queue.show(identity)}


async def test_a_held_copy_is_not_claimed(queue: Queue) -> None:
    identity = await put_ready(queue, BRINKEN, LYCKORNA)
    assert await queue.hold(identity, LYCKORNA, because="operator") == 1
    assert [c.recipient for c in await claim(queue)] == [BRINKEN]
    assert await claim(queue, now=NOW + 10**6, node="gw2") != []
    assert await states(queue, identity) == {BRINKEN: State.CLAIMED, LYCKORNA: State.HELD}


async def test_a_whole_message_is_held_and_released(queue: Queue) -> None:
    identity = await put_ready(queue, BRINKEN, LYCKORNA)
    assert await queue.hold(identity, None, because="operator") == 2
    assert await queue.hold(identity, None, because="operator") == 0
    assert {c.held_because for c in await queue.show(identity)} == {"operator"}
    assert await claim(queue) == []
    assert await queue.release(identity, BRINKEN, now=NOW + 60) == 1
    assert await queue.release(identity, None, now=NOW + 60) == 1
    assert await queue.release(identity, None, now=NOW + 60) == 0
    assert [c.held_because for c in await queue.show(identity)] == [None, None]
    assert await queue.next_due() == NOW + 60
    assert len(await claim(queue, now=NOW + 60)) == 2


async def test_an_operators_hold_keeps_the_reason_of_the_gateways(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, BRINKEN, because="pair-not-allowed")
    assert await queue.hold(identity, BRINKEN, because="operator") == 0
    assert [c.held_because for c in await queue.show(identity)] == ["pair-not-allowed"]


async def test_retry_makes_deferred_copies_due_and_leaves_others_alone(queue: Queue) -> None:
    identity = await put_claimed(queue, BRINKEN, LYCKORNA)
    await queue.put_back(identity, BRINKEN, LATER)
    assert await queue.retry_now(identity, None, now=NOW + 1) == 1
    assert [c.recipient for c in await claim(queue, now=NOW + 1)] == [BRINKEN]
    held = await put_ready(queue)
    await queue.hold(held, None, because="operator")
    assert await queue.retry_now(held, None, now=NOW) == 0
    assert await states(queue, held) == {BRINKEN: State.HELD}


async def test_retry_of_one_recipient_leaves_the_other_deferred(queue: Queue) -> None:
    identity = await put_claimed(queue, BRINKEN, LYCKORNA)
    for recipient in (BRINKEN, LYCKORNA):
        await queue.put_back(identity, recipient, LATER)
    assert await queue.retry_now(identity, LYCKORNA, now=NOW + 1) == 1
    assert [c.recipient for c in await claim(queue, now=NOW + 1)] == [LYCKORNA]


async def test_an_overdue_copy_keeps_its_place_when_retried(queue: Queue) -> None:
    identity = await put_ready(queue, at=NOW)
    await put_ready(queue, at=NOW + 1)
    await queue.retry_now(identity, None, now=NOW + 50)
    assert (await claim(queue, now=NOW + 50))[0].message.queue_id == identity


async def test_a_hold_during_an_attempt_outlasts_its_failure(queue: Queue) -> None:
    identity = await put_claimed(queue)
    assert await queue.hold(identity, None, because="operator") == 1
    await queue.put_back(identity, BRINKEN, LATER)
    [found] = await queue.show(identity)
    assert (found.state, found.attempts, found.last_reply) == (State.HELD, 1, LATER.reply)
    assert found.claimed_by is None
    assert await claim(queue, now=NOW + 10**6) == []


async def test_a_hold_during_an_attempt_gives_way_to_its_success(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, None, because="operator")
    await queue.finish(identity, BRINKEN)
    assert list(await queue.list()) == []


async def test_a_release_during_the_attempt_sends_nothing_twice(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, None, because="operator")
    assert await queue.release(identity, None, now=NOW + 1) == 1
    assert await claim(queue, now=NOW + 2, node="gw2") == []  # the first attempt still has its lease
    await queue.put_back(identity, BRINKEN, LATER)
    assert len(await claim(queue, now=NOW + 30, node="gw2")) == 1


async def test_a_release_after_a_lost_attempt_is_due_at_once(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, None, because="operator")
    assert await queue.release(identity, None, now=NOW + LEASE) == 1
    assert len(await claim(queue, now=NOW + LEASE, node="gw2")) == 1


async def test_what_the_relay_holds_is_due_at_once_when_it_is_released(queue: Queue) -> None:
    identity = await put_claimed(queue)
    assert await queue.hold(identity, BRINKEN, because="key-expired") == 1
    [found] = await queue.show(identity)
    assert (found.state, found.held_because, found.claimed_by) == (State.HELD, "key-expired", None)
    await queue.release(identity, BRINKEN, now=NOW + 1)
    assert len(await claim(queue, now=NOW + 1)) == 1


async def test_the_relays_reason_replaces_an_operators_hold_during_the_attempt(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, None, because="operator")
    assert await queue.hold(identity, BRINKEN, because="key-revoked") == 1
    [found] = await queue.show(identity)
    assert (found.held_because, found.claimed_by) == ("key-revoked", None)


async def test_a_restart_frees_held_copies_of_claims_but_not_of_the_hold(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.hold(identity, None, because="operator")
    assert await queue.release_claims("gw1") == 1
    [found] = await queue.show(identity)
    assert (found.state, found.claimed_by) == (State.HELD, None)


async def test_a_listing_has_every_state_oldest_message_first(queue: Queue) -> None:
    fourth = await put_pending(queue, at=NOW + 3)
    third = await put_ready(queue, at=NOW + 2)
    first = await put_ready(queue, BRINKEN, LYCKORNA, at=NOW)
    second = await put_ready(queue, at=NOW + 1)
    await queue.hold(third, None, because="operator")
    await claim(queue, limit=2, now=NOW)
    listed = [(c.message.queue_id, c.recipient, c.state) for c in await queue.list()]
    assert listed == [
        (first, BRINKEN, State.CLAIMED),
        (first, LYCKORNA, State.CLAIMED),
        (second, BRINKEN, State.READY),
        (third, BRINKEN, State.HELD),
        (fourth, BRINKEN, State.PENDING),
    ]
