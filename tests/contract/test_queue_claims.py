"""Claims and leases: nobody sends what somebody else is sending, and nothing is stuck for ever."""

import asyncio

import pytest

from rorpost_gateway.envelope import Notify
from rorpost_gateway.errors import NotFound
from rorpost_gateway.queue.base import Claim, Purpose, Queue, Retry, State, as_claimed
from tests.peers.queues import (
    ABROAD,
    BRINKEN,
    LEASE,
    LYCKORNA,
    NOW,
    SENDER,
    QueueStore,
    claim,
    copy,
    message,
    put_claimed,
    put_pending,
    put_ready,
)


async def test_a_claimed_copy_is_not_claimed_again_before_its_lease_runs_out(queue: Queue) -> None:
    identity = await put_claimed(queue)
    assert await claim(queue, node="gw2", now=NOW + LEASE - 0.1) == []
    assert await claim(queue, node="gw1", now=NOW + LEASE - 0.1) == []
    assert await queue.next_due() == NOW + LEASE
    [again] = await claim(queue, node="gw2", now=NOW + LEASE)
    assert (again.message.queue_id, again.claimed_by, again.attempts) == (identity, "gw2", 0)
    assert again.lease_until == NOW + 2 * LEASE


async def test_two_nodes_never_get_the_same_copy(store: QueueStore) -> None:
    first, second = await store.open(alone=False), await store.open(alone=False)
    put = {await put_ready(first, BRINKEN, LYCKORNA) for _ in range(20)}
    names: list[str] = []

    async def work(queue: Queue, node: str) -> None:
        while claimed := await claim(queue, node=node, limit=3):
            assert {c.claimed_by for c in claimed} == {node}
            names.extend(c.name for c in claimed)

    await asyncio.gather(work(first, "gw1"), work(second, "gw2"), work(first, "gw1"), work(second, "gw2"))

    assert sorted(names) == sorted(f"{q}/{r}" for q in put for r in (BRINKEN, LYCKORNA))


async def test_the_oldest_due_comes_first_and_the_limit_holds(queue: Queue) -> None:
    due = {offset: await put_ready(queue, at=NOW + offset) for offset in (3, 1, 2, 0)}
    claimed = await claim(queue, now=NOW + 2, limit=2)
    assert [c.message.queue_id for c in claimed] == [due[0], due[1]]
    assert await claim(queue, now=NOW + 2, limit=0) == []
    assert await claim(queue, now=NOW + 2, limit=-1) == []
    claimed = await claim(queue, now=NOW + 2, limit=9)
    assert [c.message.queue_id for c in claimed] == [due[2]]


async def test_copies_to_busy_domains_are_left_alone(queue: Queue) -> None:
    identity = await put_ready(queue, BRINKEN, ABROAD, LYCKORNA)
    claimed = await claim(queue, limit=1, busy=["regionostergotland.se", "unknown.example"])
    assert [c.recipient for c in claimed] == [ABROAD]
    assert await claim(queue, busy=["regionostergotland.se"]) == []
    assert {c.recipient for c in await claim(queue)} == {BRINKEN, LYCKORNA}
    assert {c.state for c in await queue.show(identity)} == {State.CLAIMED}


async def test_busy_domains_do_not_use_up_the_limit(queue: Queue) -> None:
    for _ in range(5):
        await put_ready(queue, BRINKEN, at=NOW - 5)
    await put_ready(queue, ABROAD, at=NOW)
    claimed = await claim(queue, limit=1, busy=["regionostergotland.se"])
    assert [c.recipient for c in claimed] == [ABROAD]


async def test_next_due_is_the_earliest_of_everything_that_may_be_claimed(queue: Queue) -> None:
    assert await queue.next_due() is None
    await put_pending(queue, at=NOW - 100)
    held = await put_ready(queue, at=NOW - 50)
    await queue.hold(held, None, because="operator")
    assert await queue.next_due() is None
    await put_claimed(queue)
    assert await queue.next_due() == NOW + LEASE
    await put_ready(queue, at=NOW + 7)
    assert await queue.next_due() == NOW + 7


async def test_a_restarted_node_gives_back_its_own_claims_only(queue: Queue) -> None:
    mine, theirs = await put_ready(queue, at=NOW), await put_ready(queue, at=NOW + 1)
    await claim(queue, node="gw1", limit=1, now=NOW)
    await claim(queue, node="gw2", limit=1, now=NOW + 1)
    assert await queue.release_claims("gw1") == 1
    assert await queue.release_claims("gw1") == 0
    [a] = await queue.show(mine)
    [b] = await queue.show(theirs)
    assert (a.state, a.claimed_by, a.lease_until, a.next_attempt_at) == (State.READY, None, None, NOW)
    assert (b.state, b.claimed_by) == (State.CLAIMED, "gw2")


async def test_claims_given_back_keep_what_was_known(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.put_back(identity, BRINKEN, Retry(next_attempt_at=NOW, reply="451 x", next_hop="mx"))
    await claim(queue)
    await queue.mark_bounced(identity, BRINKEN, now=NOW + 1)
    await queue.release_claims("gw1")
    [found] = await claim(queue)
    assert (found.attempts, found.last_reply, found.bounced_at) == (1, "451 x", NOW + 1)


async def test_sent_copies_are_claimed_by_a_lane_of_their_own(queue: Queue) -> None:
    it = message()
    await queue.insert_pending(it, [copy(SENDER, purpose=Purpose.SENT_COPY), copy(ABROAD)])
    await queue.make_ready(it.queue_id, now=NOW)
    await put_ready(queue, SENDER)
    assert [c.purpose for c in await claim(queue, busy=["sent-copy:motala.se", "example.org"])] == [
        Purpose.MESSAGE
    ]
    [sent_copy] = await claim(queue, busy=["motala.se", "example.org"])
    assert (sent_copy.recipient, sent_copy.purpose) == (SENDER, Purpose.SENT_COPY)
    await queue.put_back(it.queue_id, SENDER, Retry(next_attempt_at=NOW + 1, reply="4", next_hop="x"))
    assert [c.purpose for c in await claim(queue, now=NOW + 1)] == [Purpose.MESSAGE, Purpose.SENT_COPY]


MINE = Claim(node="gw1", lease_until=NOW + LEASE)


async def test_a_sent_copy_is_not_claimed_as_it_becomes_ready(queue: Queue) -> None:
    it = message()
    await queue.insert_pending(it, [copy(SENDER, purpose=Purpose.SENT_COPY), copy(ABROAD)])
    await queue.make_ready(it.queue_id, now=NOW, claim=MINE)
    states = {c.recipient: (c.state, c.claimed_by) for c in await queue.show(it.queue_id)}
    assert states == {SENDER: (State.READY, None), ABROAD: (State.CLAIMED, "gw1")}


async def test_what_is_claimed_as_it_becomes_ready_is_told_as_the_queue_tells_it(queue: Queue) -> None:
    it = message(ret="HDRS", envid="x")
    new = [
        copy(BRINKEN, notify=frozenset({Notify.DELAY}), original_recipient="rfc822;b@x.se"),
        copy(ABROAD, sealed=b"other\r\n", submission_digest="d1"),
    ]
    await queue.insert_pending(it, new)
    await queue.make_ready(it.queue_id, now=NOW + 1, claim=MINE)
    assert await queue.show(it.queue_id) == [as_claimed(it, each, MINE, now=NOW + 1) for each in new]
    assert await queue.find_duplicates(["d1"], since=NOW + 1) == {"d1": it.queue_id}


async def test_what_is_claimed_as_it_becomes_ready_is_nobody_elses(queue: Queue) -> None:
    identity = await put_pending(queue)
    await queue.make_ready(identity, now=NOW, claim=MINE)
    assert await claim(queue, node="gw2", now=NOW + LEASE - 1) == []
    assert await queue.next_due() == NOW + LEASE
    with pytest.raises(NotFound):
        await queue.make_ready(identity, now=NOW, claim=MINE)
    assert await queue.release_claims("gw1") == 1
    assert len(await claim(queue, node="gw2")) == 1


async def test_what_is_claimed_as_it_becomes_ready_can_be_settled(queue: Queue) -> None:
    identity = await put_pending(queue, BRINKEN, LYCKORNA)
    await queue.make_ready(identity, now=NOW, claim=MINE)
    await queue.put_back(identity, BRINKEN, Retry(next_attempt_at=NOW + 9, reply="451 x", next_hop="mx"))
    await queue.finish(identity, LYCKORNA)
    [left] = await queue.show(identity)
    assert (left.recipient, left.state, left.attempts) == (BRINKEN, State.READY, 1)


async def test_nothing_that_waits_is_due_later_than_it_can_be(queue: Queue) -> None:
    soon, late, held = [await put_ready(queue, at=NOW + offset) for offset in (50, 5000, 6000)]
    await queue.hold(held, None, because="operator")
    pending = await put_pending(queue, at=NOW + 7000)
    assert await queue.bring_forward(latest=NOW + 100) == 1
    assert await queue.bring_forward(latest=NOW + 100) == 0
    due = {c.message.queue_id: c.next_attempt_at for c in await queue.list()}
    assert due == {soon: NOW + 50, late: NOW + 100, held: NOW + 6000, pending: NOW + 7000}
    assert {c.message.queue_id for c in await claim(queue, now=NOW + 100)} == {soon, late}
