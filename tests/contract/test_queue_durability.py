"""What a queue holds after it was opened again, and after its process was killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.base import Copy, Queue, Retry, State
from tests.peers.queues import (
    BRINKEN,
    LEASE,
    LYCKORNA,
    NOW,
    QueueStore,
    claim,
    copy,
    message,
    put_claimed,
    put_pending,
    put_ready,
)

# A gateway that stops short: what it has been promised stands on its standard output.
_CHILD = """
import asyncio, sys
from pathlib import Path
from rorpost_gateway.queue.url import open_queue
from tests.peers.queues import NOW, put_pending

async def main(url, step):
    queue = await open_queue(url, Path("/"))
    while True:
        identity = await put_pending(queue, digest="d1")
        if step != "pending":
            await queue.make_ready(identity, now=NOW)
        if step == "claimed":
            await queue.claim(node="gw1", now=NOW, lease_seconds=300, limit=1)
        print(identity, flush=True)
        if step != "many" and not await asyncio.to_thread(sys.stdin.readline):
            return

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def child(url: str, step: str) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHILD,
        url,
        step,
        cwd=Path(__file__).parents[2],  # where the package `tests` is found
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            yield process.stdout
    finally:
        process.kill()
        await process.communicate()


async def line(stream: asyncio.StreamReader) -> str:
    return (await stream.readline()).decode().strip()


async def test_a_message_killed_before_it_was_ready_is_pending(store: QueueStore) -> None:
    async with child(store.url, "pending") as output:
        identity = await line(output)
    queue = await store.open()
    assert [c.message.queue_id for c in await queue.pending()] == [identity]
    assert await claim(queue, now=NOW + 10**6) == []
    assert await queue.find_duplicates(["d1"], since=0) == {}
    await queue.make_ready(identity, now=NOW)  # its line is in the log after all
    assert len(await claim(queue)) == 1


async def test_a_message_that_became_ready_survives_kill_9(store: QueueStore) -> None:
    async with child(store.url, "ready") as output:
        identity = await line(output)
    queue = await store.open()
    assert list(await queue.pending()) == []
    assert await queue.find_duplicates(["d1"], since=NOW) == {"d1": identity}
    assert [c.message.queue_id for c in await claim(queue)] == [identity]


async def test_a_claim_of_a_killed_process_comes_back(store: QueueStore) -> None:
    async with child(store.url, "claimed") as output:
        identity = await line(output)
    queue = await store.open()
    assert await claim(queue, node="gw2") == []
    assert await queue.next_due() == NOW + LEASE
    assert await queue.release_claims("gw1") == 1
    assert [c.message.queue_id for c in await claim(queue, node="gw1")] == [identity]


async def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_promised(store: QueueStore) -> None:
    async with child(store.url, "many") as output:
        promised = [await line(output) for _ in range(100)]
    # what the pipe still held when the process died was promised as well
    promised += [word for word in (await output.read()).decode().split("\n")[:-1] if word]
    queue = await store.open()
    ready = {c.message.queue_id for c in await queue.list() if c.state is State.READY}
    assert set(promised) <= ready
    assert len(await queue.list()) - len(promised) <= 1


async def states(queue: Queue) -> list[Copy]:
    return list(await queue.list())


async def test_every_state_survives_reopening(store: QueueStore) -> None:
    queue = await store.open()
    await put_pending(queue, at=NOW - 1)
    both = await put_claimed(queue, BRINKEN, LYCKORNA)
    await queue.mark_bounced(both, LYCKORNA, now=NOW + 1)
    later = Retry(next_attempt_at=NOW + 30, reply="451 x", next_hop="mx", warned_at=NOW + 2)
    await queue.put_back(both, BRINKEN, later)
    held = await put_ready(queue, at=NOW + 3)
    await queue.hold(held, None, because="key-expired")
    before = await states(queue)

    queue = await store.reopen()

    assert await states(queue) == before
    assert {c.state for c in before} == set(State)
    assert await queue.sealed(both, LYCKORNA) == b"sealed\r\n"


async def test_a_closed_queue_refuses_everything(store: QueueStore) -> None:
    queue = await store.open()
    identity = await put_ready(queue)
    await queue.close()
    await queue.close()
    with pytest.raises(QueueUnavailable):
        await queue.show(identity)
    with pytest.raises(QueueUnavailable):
        await put_pending(queue)


async def test_what_was_asked_before_closing_is_still_done(store: QueueStore) -> None:
    queue = await store.open()
    asked = [asyncio.create_task(put_pending(queue)) for _ in range(30)]
    await asyncio.sleep(0)
    await queue.close()
    identities = await asyncio.gather(*asked)
    queue = await store.open()
    assert {c.message.queue_id for c in await queue.pending()} == set(identities)


async def test_an_operation_whose_caller_went_away_is_done(store: QueueStore) -> None:
    queue = await store.open()
    identity = await put_claimed(queue)
    task = asyncio.create_task(queue.finish(identity, BRINKEN))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    queue = await store.reopen()
    assert list(await queue.list()) == []


async def test_digests_count_when_ready_and_outlive_the_copy(store: QueueStore) -> None:
    queue = await store.open()
    pending = await put_pending(queue, digest="d1")
    assert await queue.find_duplicates(["d1"], since=0) == {}
    await queue.make_ready(pending, now=NOW + 5)
    await claim(queue, now=NOW + 5)
    await queue.finish(pending, BRINKEN)
    queue = await store.reopen()
    assert await queue.find_duplicates(["d1", "d2"], since=NOW + 5) == {"d1": pending}
    assert await queue.find_duplicates(["d1"], since=NOW + 5.1) == {}
    assert await queue.find_duplicates([], since=0) == {}


async def test_a_submission_that_never_arrived_is_no_duplicate(store: QueueStore) -> None:
    queue = await store.open()
    it = message()
    copies = [copy(BRINKEN, submission_digest="b"), copy(LYCKORNA, submission_digest="l")]
    await queue.insert_pending(it, copies)
    await queue.make_ready(it.queue_id, now=NOW)
    await queue.finish(it.queue_id, BRINKEN, undelivered=True)
    assert await queue.find_duplicates(["b", "l"], since=0) == {"l": it.queue_id}


async def test_a_later_submission_keeps_its_digest(store: QueueStore) -> None:
    queue = await store.open()
    first = await put_ready(queue, digest="d1", at=NOW)
    second = await put_ready(queue, digest="d1", at=NOW + 4000)
    await queue.finish(first, BRINKEN, undelivered=True)
    assert await queue.find_duplicates(["d1"], since=0) == {"d1": second}


async def test_each_copy_has_its_own_digest_and_an_empty_one_never_counts(store: QueueStore) -> None:
    queue = await store.open()
    it = message()
    copies = [copy(BRINKEN, submission_digest="b"), copy(LYCKORNA, submission_digest="l")]
    await queue.insert_pending(it, copies)
    await queue.make_ready(it.queue_id, now=NOW)
    await put_ready(queue, digest="")
    assert await queue.find_duplicates(["b", "l", ""], since=0) == {"b": it.queue_id, "l": it.queue_id}


async def test_the_newest_submission_of_a_digest_counts(store: QueueStore) -> None:
    queue = await store.open()
    await put_ready(queue, digest="d1", at=NOW)
    second = await put_ready(queue, digest="d1", at=NOW + 4000)
    assert await queue.find_duplicates(["d1"], since=NOW + 3600) == {"d1": second}


async def test_old_digests_are_forgotten(store: QueueStore) -> None:
    queue = await store.open()
    await put_ready(queue, digest="old", at=NOW)
    kept = await put_ready(queue, digest="new", at=NOW + 10)
    assert await queue.forget_submissions(before=NOW + 10) == 1
    assert await queue.forget_submissions(before=NOW + 10) == 0
    assert await queue.find_duplicates(["old", "new"], since=0) == {"new": kept}
    assert len(await queue.list()) == 2  # the copies have nothing to do with it
