"""What monitoring asks of a queue: what waits, and whether it would take a message."""

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.base import Queue, Retry, Waiting
from tests.peers.queues import (
    BRINKEN,
    LYCKORNA,
    NOW,
    claim,
    copy,
    message,
    put_claimed,
    put_pending,
    put_ready,
)

LATER = Retry(next_attempt_at=NOW + 30, reply="451 4.7.1 try later", next_hop="mx.example:25")


async def test_an_empty_queue(queue: Queue) -> None:
    assert await queue.census(now=NOW) == {}


async def test_every_state_by_the_word_that_operators_know(queue: Queue) -> None:
    deferred = await put_claimed(queue)
    await queue.put_back(deferred, BRINKEN, LATER)
    held = await put_ready(queue)
    await queue.hold(held, None, because="operator")
    await put_pending(queue)
    await put_ready(queue, BRINKEN, LYCKORNA)
    census = await queue.census(now=NOW)
    assert {word: waiting.copies for word, waiting in census.items()} == {
        "deferred": 1,
        "hold": 1,
        "pending": 1,
        "active": 2,
    }
    [entry] = await queue.show(held)
    assert census["hold"] == Waiting(
        copies=1, octets=entry.sealed_size, oldest_received_at=entry.message.received_at
    )
    assert census["active"].octets == 2 * entry.sealed_size
    # Due again, or being sent: nobody waits for its time any more.
    assert (await queue.census(now=NOW + 30))["active"].copies == 3
    assert len(await claim(queue, now=NOW + 30)) == 3
    assert (await queue.census(now=NOW + 30))["active"].copies == 3


async def test_the_oldest_counts(queue: Queue) -> None:
    for age in (5, 500, 50):
        fresh = message(received_at=NOW - age)
        await queue.insert_pending(fresh, [copy()])
        await queue.make_ready(fresh.queue_id, now=NOW)
    assert (await queue.census(now=NOW))["active"].oldest_received_at == NOW - 500


async def test_whether_a_message_would_be_taken(queue: Queue) -> None:
    await queue.require_writable(octets=1000)
    await queue.close()
    with pytest.raises(QueueUnavailable):
        await queue.require_writable(octets=1000)
    with pytest.raises(QueueUnavailable):
        await queue.census(now=NOW)
