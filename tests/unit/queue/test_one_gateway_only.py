"""A queue in a file is one gateway's: a second would throw away what the first is about to promise."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from tests.peers.queues import put_pending, put_ready

_HOLDER = """
import asyncio, sys
from pathlib import Path
from rorpost_gateway.queue.sqlite import open_sqlite_queue

async def main():
    queue = await open_sqlite_queue(Path(sys.argv[1]))
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "queue.db"


async def test_a_second_gateway_is_refused_and_the_first_goes_on(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    try:
        pending = await put_pending(queue)
        for _ in range(2):  # being refused gives nothing away
            with pytest.raises(QueueUnavailable, match="another gateway has the queue in") as refused:
                await open_sqlite_queue(path)
            assert refused.value.public == "the queue is in use"
        await queue.make_ready(pending, now=1.0)
        assert len(await queue.list()) == 1
    finally:
        await queue.close()
    again = await open_sqlite_queue(path)
    await again.close()


async def test_another_name_of_the_same_store_is_refused_as_well(path: Path, tmp_path: Path) -> None:
    queue = await open_sqlite_queue(path)
    try:
        (tmp_path / "elsewhere").mkdir()
        names = [tmp_path / "elsewhere" / "queue.db", tmp_path / "linked" / "queue.db"]
        names[0].symlink_to(path)
        (tmp_path / "linked").symlink_to(path.parent)
        for name in names:
            with pytest.raises(QueueUnavailable, match="another gateway"):
                await open_sqlite_queue(name)
    finally:
        await queue.close()


async def test_whoever_only_looks_is_let_in(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    try:
        identity = await put_ready(queue)
        looking = await open_sqlite_queue(path, alone=False)
        assert [copy.message.queue_id for copy in await looking.list()] == [identity]
        await looking.close()
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
            assert reader.execute("SELECT count(*) FROM copies").fetchone() == (1,)
        with pytest.raises(QueueUnavailable):  # and takes nothing with it when it goes
            await open_sqlite_queue(path)
    finally:
        await queue.close()


async def test_a_killed_gateway_holds_nothing(path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLDER, str(path), stdin=pipe, stdout=pipe
    )
    try:
        async with asyncio.timeout(30):
            assert holder.stdout is not None
            assert await holder.stdout.readline() == b"open\n"
        with pytest.raises(QueueUnavailable, match="another gateway"):
            await open_sqlite_queue(path)
    finally:
        holder.kill()
        await holder.communicate()
    queue = await open_sqlite_queue(path)
    await queue.close()


async def test_one_that_could_not_be_opened_does_not_keep_the_place(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough\n" * 40)
    with pytest.raises(QueueUnavailable, match="NOTADB"):
        await open_sqlite_queue(path)
    path.unlink()
    queue = await open_sqlite_queue(path)
    await queue.close()
