"""The embedded queue's file: its faults, its modes, its group commit."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rorpost_gateway.errors import QueueFull, QueueUnavailable
from rorpost_gateway.queue.sqlite import SqliteQueue, open_sqlite_queue
from rorpost_gateway.queue.sqlite_file import APPLICATION_ID
from tests.peers.queues import BRINKEN, NOW, claim, copy, message, put_claimed, put_pending, put_ready

BIG = bytes(2_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "queue.db"


@pytest.fixture
async def queue(path: Path) -> AsyncIterator[SqliteQueue]:
    queue = await open_sqlite_queue(path, busy_timeout_seconds=0.05)
    yield queue
    await queue.close()


async def limit_pages(queue: SqliteQueue, *, spare: int) -> None:
    """Let the file grow by `spare` pages only: a full disk that needs no privileges."""

    def limit(connection: sqlite3.Connection) -> None:
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    await queue._writer.run(limit)


async def test_a_message_without_room_is_refused_and_leaves_nothing(queue: SqliteQueue) -> None:
    await limit_pages(queue, spare=20)
    with pytest.raises(QueueFull):
        await queue.insert_pending(message(), [copy(sealed=BIG)])
    assert list(await queue.list()) == []
    identity = await put_ready(queue)  # a small one still fits
    assert len(await queue.show(identity)) == 1


async def test_one_that_does_not_fit_does_not_take_the_others_with_it(queue: SqliteQueue) -> None:
    claimed = await put_claimed(queue)
    await limit_pages(queue, spare=20)
    outcomes = await asyncio.gather(
        put_pending(queue),
        queue.insert_pending(message(), [copy(sealed=BIG)]),
        queue.finish(claimed, BRINKEN),
        put_pending(queue),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [str, QueueFull, type(None), str]
    assert {c.message.queue_id for c in await queue.list()} == {outcomes[0], outcomes[3]}


async def test_new_messages_are_refused_before_the_disk_is_full(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    identity = await put_claimed(queue)
    await queue.close()
    free = os.statvfs(path.parent)
    queue = await open_sqlite_queue(path, reserve_octets=2 * free.f_blocks * free.f_frsize)
    try:
        with pytest.raises(QueueFull):
            await put_pending(queue)
        await queue.finish(identity, BRINKEN)  # an outcome is still written
        assert list(await queue.list()) == []
    finally:
        await queue.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
async def test_a_really_full_disk_loses_nothing_that_was_promised(small_disk: Path) -> None:
    queue = await open_sqlite_queue(small_disk / "queue.db", reserve_octets=0)
    promised: list[str] = []

    async def fill() -> None:
        while len(promised) < 1000:
            it = message()
            await queue.insert_pending(it, [copy(sealed=os.urandom(50_000))])
            promised.append(it.queue_id)

    with pytest.raises(QueueFull):
        await fill()
    await queue.close()
    queue = await open_sqlite_queue(small_disk / "queue.db", reserve_octets=0)
    try:
        assert promised
        assert [c.message.queue_id for c in await queue.pending()] == promised
    finally:
        await queue.close()


async def test_a_commit_that_fails_fails_its_whole_group(queue: SqliteQueue) -> None:
    def defer_a_violation(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO sealed (copy_id, octets) VALUES (4711, x'00')")

    outcomes = await asyncio.gather(
        queue.insert_pending(message(), [copy()]),
        queue._writer.run(defer_a_violation),
        queue.insert_pending(message(), [copy()]),
        return_exceptions=True,
    )
    # the first may have had a transaction of its own before the other two arrived
    assert [type(outcome) for outcome in outcomes[1:]] == [QueueUnavailable, QueueUnavailable]
    assert len(await queue.list()) == [outcomes[0]].count(None)
    assert await put_ready(queue)  # and the writer goes on


async def test_whatever_an_operation_raises_has_a_name_outside(queue: SqliteQueue) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise ZeroDivisionError("inside")

    with pytest.raises(QueueUnavailable) as raised:
        await queue._writer.run(fail)
    assert "inside" not in raised.value.public
    assert await put_ready(queue)


async def test_a_hundred_messages_share_few_transactions(queue: SqliteQueue) -> None:
    identities = await asyncio.gather(*(put_pending(queue) for _ in range(100)))
    assert queue.counters.operations == 100
    assert queue.counters.transactions <= 10
    assert len(set(identities)) == len(await queue.pending()) == 100


async def test_reading_does_not_wait_for_the_writer(queue: SqliteQueue, path: Path) -> None:
    identity = await put_ready(queue)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert len(await queue.list()) == 1
        assert await queue.sealed(identity, BRINKEN)
        assert await queue.next_due() == NOW
    finally:
        other.close()


async def test_a_locked_store_is_unavailable_and_recovers(queue: SqliteQueue, path: Path) -> None:
    identity = await put_ready(queue)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailable, match="SQLITE_BUSY"):
            await claim(queue)
    finally:
        other.close()
    assert [c.message.queue_id for c in await claim(queue)] == [identity]


async def test_a_locked_store_cannot_be_opened(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    await queue.close()
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(QueueUnavailable, match="locked"):
            await open_sqlite_queue(path, busy_timeout_seconds=0.05)
    finally:
        other.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough\n" * 40, b"SQLite format 3\0" + b"\xff" * 4096]
)
async def test_garbage_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(QueueUnavailable) as raised:
        await open_sqlite_queue(path)
    assert str(path) in raised.value.private
    assert path.read_bytes() == content


async def test_another_applications_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE precious (x)")
    foreign.commit()
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(QueueUnavailable, match="another application"):
        await open_sqlite_queue(path)
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    await put_ready(queue)
    await queue.close()
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    file.execute("PRAGMA journal_mode = DELETE")  # as one that nobody of this version has written to
    file.execute("PRAGMA user_version = 99")
    file.close()
    before = path.read_bytes()
    with pytest.raises(QueueUnavailable, match="schema version 99"):
        await open_sqlite_queue(path)
    assert path.read_bytes() == before


async def test_a_damaged_file_is_unavailable_not_a_fault(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    await queue.insert_pending(message(), [copy(sealed=BIG)])
    await queue.close()
    with path.open("r+b") as file:
        file.seek(16 * 1024)
        file.write(b"\xff" * 160 * 1024)
    queue = await open_sqlite_queue(path)
    try:
        with pytest.raises(QueueUnavailable, match="SQLITE_CORRUPT"):
            await queue.list()
        with pytest.raises(QueueUnavailable):
            await put_ready(queue)
    finally:
        await queue.close()


_OPEN = """
import asyncio, sys
from pathlib import Path
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.sqlite import open_sqlite_queue
try:
    asyncio.run(open_sqlite_queue(Path(sys.argv[1])))
except QueueUnavailable as error:
    sys.exit(error.private)
"""


async def test_a_read_only_file_is_refused_at_start_up(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    await queue.close()
    path.chmod(0o400)
    command = [sys.executable, "-c", _OPEN, str(path)]
    if os.geteuid() == 0:  # root writes everywhere, unless it gives that up
        setpriv = shutil.which("setpriv") or pytest.skip("setpriv is not installed")
        command = [setpriv, "--bounding-set", "-dac_override", *command]
    opened = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert opened.returncode == 1
    assert "may not be read and written" in opened.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


async def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(QueueUnavailable):
        await open_sqlite_queue(path)


async def test_a_file_in_the_folders_place_is_refused(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(QueueUnavailable):
        await open_sqlite_queue(path)


async def test_nobody_else_may_read_the_files(queue: SqliteQueue, path: Path) -> None:
    await put_ready(queue)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    names = ("queue.db", "queue.db-wal", "queue.db-shm", "queue.db.lock")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_file_that_others_may_read_is_closed_to_them(path: Path) -> None:
    queue = await open_sqlite_queue(path)
    await queue.close()
    path.chmod(0o644)
    queue = await open_sqlite_queue(path)
    await queue.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_empty_file_is_no_queue(path: Path) -> None:
    """One that was there and lost its content must not pass for a queue without mail."""
    path.parent.mkdir()
    path.touch(0o600)
    with pytest.raises(QueueUnavailable, match="empty"):
        await open_sqlite_queue(path)
    assert path.stat().st_size == 0


async def test_the_settings_that_durability_needs(queue: SqliteQueue) -> None:
    def settings(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "page_size", "secure_delete")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "page_size": 16384,
        "secure_delete": 2,
    }
    assert await queue._writer.run(settings) == wanted


async def test_two_may_create_the_same_file_at_once(path: Path) -> None:
    queues = await asyncio.gather(*(open_sqlite_queue(path, alone=False) for _ in range(4)))
    try:
        identities = await asyncio.gather(*(put_ready(queue) for queue in queues))
        assert {c.message.queue_id for c in await queues[0].list()} == set(identities)
        assert {file.name for file in path.parent.iterdir()} == {"queue.db", "queue.db-wal", "queue.db-shm"}
    finally:
        for queue in queues:
            await queue.close()


async def test_claims_use_the_index_of_due_times(queue: SqliteQueue) -> None:
    def plan(connection: sqlite3.Connection) -> str:
        rows = connection.execute(
            "EXPLAIN QUERY PLAN SELECT copy_id FROM copies WHERE due_at <= 1 ORDER BY due_at, copy_id LIMIT 5"
        )
        return " ".join(str(row["detail"]) for row in rows)

    assert "copies_due" in await queue._writer.run(plan)


async def test_a_long_listing_does_not_keep_the_others_waiting(queue: SqliteQueue) -> None:
    identity = await put_ready(queue, digest="d1")
    entered, go = threading.Event(), threading.Event()

    def linger(_: sqlite3.Connection) -> None:
        entered.set()
        go.wait(10)

    lingering = asyncio.create_task(queue._lister.read(linger))
    await asyncio.to_thread(entered.wait, 10)
    try:
        assert await queue.find_duplicates(["d1"], since=0) == {"d1": identity}
        assert await queue.sealed(identity, BRINKEN)
        assert await claim(queue)
    finally:
        go.set()
    await lingering
