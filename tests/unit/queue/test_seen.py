"""What may have come before: never a no for one that has, and seldom a look in vain."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.queue.seen import Seen
from rorpost_gateway.queue.sqlite import SqliteQueue, open_sqlite_queue
from tests.peers.queues import NOW, put_pending, put_ready

HOUR = 3600.0


def digest(nth: int) -> str:
    return hashlib.sha256(str(nth).encode()).hexdigest()


steps = st.lists(st.tuples(st.booleans(), st.floats(0, 2000), st.text(max_size=3)), max_size=60)


@given(steps)
def test_what_the_store_still_has_is_never_denied(walk: list[tuple[bool, float, str]]) -> None:
    seen, now = Seen(), 0.0
    stored: dict[str, float] = {}
    for forgets, seconds, word in walk:
        now += seconds
        if forgets:
            seen.forget(before=now - HOUR)
            stored = {each: at for each, at in stored.items() if at >= now - HOUR}
        else:
            seen.add(word, at=now)
            stored[word] = now
        assert all(seen.may_know(each) for each in stored)


def test_new_ones_are_seldom_looked_up() -> None:
    seen = Seen()
    for nth in range(20_000):
        seen.add(digest(nth), at=NOW)
    assert sum(seen.may_know(digest(-nth)) for nth in range(1, 10_000)) <= 10


def test_what_the_store_has_forgotten_is_looked_up_no_more() -> None:
    seen = Seen()
    seen.add(digest(1), at=NOW)
    for rounds in range(1, 4):
        seen.forget(before=NOW + rounds)
        seen.add(digest(1 + rounds), at=NOW + rounds)
    assert not seen.may_know(digest(1))


# --- in the queue


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SqliteQueue]:
    queue = await open_sqlite_queue(tmp_path / "queue.db", reserve_octets=0)
    yield queue
    await queue.close()


async def test_a_new_submission_is_new_without_asking_the_store(queue: SqliteQueue) -> None:
    await put_ready(queue, digest=digest(1))
    await queue._reader.close()  # whoever asks it now hears that it is closed
    assert await queue.find_duplicates([digest(2), digest(3)], since=0) == {}


async def test_one_that_became_ready_long_after_it_was_queued_is_known_as_long_as_the_store_knows_it(
    queue: SqliteQueue,
) -> None:
    identity = await put_pending(queue, at=NOW, digest=digest(1))
    await queue.make_ready(identity, now=NOW + 3 * HOUR)  # as after a start
    for minutes in range(0, 50, 10):
        now = NOW + 3 * HOUR + 60 * minutes
        await put_ready(queue, at=now, digest=digest(100 + minutes))
        await queue.forget_submissions(before=now - HOUR)
        assert await queue.find_duplicates([digest(1)], since=now - HOUR) == {digest(1): identity}


async def test_what_another_has_stored_is_found_where_a_store_is_shared(tmp_path: Path) -> None:
    one, other = [await open_sqlite_queue(tmp_path / "queue.db", alone=False) for _ in range(2)]
    try:
        identity = await put_ready(one, digest=digest(1))
        assert await other.find_duplicates([digest(1)], since=0) == {digest(1): identity}
    finally:
        await one.close()
        await other.close()
