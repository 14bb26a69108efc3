"""Replay guards: durable with the copies they came with, and only with them."""

import pytest

from rorpost_gateway.errors import NotFound, SealSeen
from rorpost_gateway.queue.base import Queue, SeenSeal
from tests.peers.queues import BRINKEN, LYCKORNA, NOW, QueueStore, copy, message


async def test_what_was_taken_once_is_not_taken_again(queue: Queue) -> None:
    first, second = message(), message()
    await queue.insert_pending(first, [copy(replay_guard="g1", sealed_sha256="aa")])
    with pytest.raises(SealSeen):
        await queue.insert_pending(second, [copy(replay_guard="g1", sealed_sha256="bb")])
    with pytest.raises(NotFound):
        await queue.show(second.queue_id)
    assert await queue.find_seals(["g1", "g2"]) == {
        "g1": SeenSeal(queue_id=first.queue_id, sealed_sha256="aa")
    }


async def test_one_guard_that_is_taken_stops_the_whole_message(queue: Queue) -> None:
    await queue.insert_pending(message(), [copy(replay_guard="g1")])
    copies = [copy(BRINKEN, replay_guard="g2"), copy(LYCKORNA, replay_guard="g1")]
    with pytest.raises(SealSeen):
        await queue.insert_pending(message(), copies)
    assert set(await queue.find_seals(["g1", "g2"])) == {"g1"}


async def test_a_discarded_copy_gives_its_guard_back(queue: Queue) -> None:
    it = message()
    copies = [copy(BRINKEN, replay_guard="g1"), copy(LYCKORNA, replay_guard="g2")]
    await queue.insert_pending(it, copies)
    await queue.discard_pending(it.queue_id, LYCKORNA)
    assert set(await queue.find_seals(["g1", "g2"])) == {"g1"}
    await queue.make_ready(it.queue_id, now=NOW)
    await queue.discard_pending(it.queue_id)
    assert set(await queue.find_seals(["g1", "g2"])) == {"g1"}


async def test_guards_outlive_copies_and_restarts_until_they_are_forgotten(store: QueueStore) -> None:
    queue = await store.open()
    it = message(received_at=NOW)
    await queue.insert_pending(it, [copy(replay_guard="g1")])
    await queue.make_ready(it.queue_id, now=NOW)
    await queue.finish(it.queue_id, BRINKEN)
    queue = await store.reopen()
    assert set(await queue.find_seals(["g1"])) == {"g1"}
    assert await queue.forget_seals(before=NOW) == 0
    assert await queue.forget_seals(before=NOW + 1) == 1
    assert await queue.find_seals(["g1"]) == {}


async def test_a_copy_without_a_guard_takes_none(queue: Queue) -> None:
    await queue.insert_pending(message(), [copy()])
    await queue.insert_pending(message(), [copy()])
    assert await queue.find_seals([""]) == {}
