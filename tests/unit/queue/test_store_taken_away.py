"""A store that is removed or replaced while it is open takes nothing more: a restart would not find it."""

from pathlib import Path

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.sqlite import SqliteQueue, open_sqlite_queue
from tests.peers.queues import claim, put_pending, put_ready


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


def take_away(path: Path, name: str) -> None:
    path.with_name(name).unlink()


def replace(path: Path, name: str) -> None:
    old = path.with_name(name)
    new = path.with_name("new")
    new.write_bytes(old.read_bytes())
    new.replace(old)


@pytest.mark.parametrize("do", [take_away, replace])
@pytest.mark.parametrize("name", ["queue.db", "queue.db-wal"])
async def test_nothing_more_is_taken_and_what_is_there_goes_on(path: Path, do: object, name: str) -> None:
    queue: SqliteQueue = await open_sqlite_queue(path, reserve_octets=0)
    try:
        ready, pending = await put_ready(queue), await put_pending(queue)
        do(path, name)  # type: ignore[operator]
        with pytest.raises(QueueUnavailable, match="queue\\.db"):
            await put_pending(queue)
        with pytest.raises(QueueUnavailable, match="queue\\.db"):
            await queue.make_ready(pending, now=1.0)
        assert [copy.message.queue_id for copy in await queue.list()] == [ready, pending]
        (claimed,) = await claim(queue)
        await queue.finish(ready, claimed.recipient)
    finally:
        await queue.close()
