"""Operations that share a transaction: what one of them does to the others, and what it costs."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rorpost_gateway.errors import NotFound, QueueFull, QueueUnavailable
from rorpost_gateway.queue.group_commit import GroupCommit

Work = Callable[[sqlite3.Connection], None]


@dataclass
class Writer:
    """A table of words, what was said to SQLite, and what the check was asked."""

    said: list[str] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    room: int = 1000

    def open(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE words (word TEXT UNIQUE)")
        connection.set_trace_callback(self.said.append)
        self.group = GroupCommit(connection, self._check)

    def _check(self, octets: int) -> None:
        self.asked.append(octets)
        if octets > self.room:
            raise QueueFull("no room")

    async def together(self, *works: Work, octets: int = 0) -> list[object]:
        """Do all in one transaction: they wait while the thread is busy with something else."""
        entered, go = threading.Event(), threading.Event()

        def linger(_: sqlite3.Connection) -> None:
            entered.set()
            go.wait(10)

        first = asyncio.create_task(self.group.run(linger))
        await asyncio.to_thread(entered.wait, 10)
        promises = octets > 0
        rest = [asyncio.create_task(self.group.run(w, octets=octets, promises=promises)) for w in works]
        await asyncio.sleep(0)
        self.said.clear()
        go.set()
        await first
        return list(await asyncio.gather(*rest, return_exceptions=True))

    async def words(self) -> list[str]:
        return await self.group.run(
            lambda c: [row[0] for row in c.execute("SELECT word FROM words ORDER BY word")]
        )


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    it = Writer()
    it.open(tmp_path / "words.db")
    yield it
    await it.group.close()


def put(word: str) -> Work:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO words VALUES (?)", [word])

    return insert


def fail(connection: sqlite3.Connection) -> None:
    put("half")(connection)
    raise NotFound("not there")


def lose_the_transaction(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR ROLLBACK INTO words VALUES ('a')")


async def test_one_that_fails_takes_nothing_of_the_others_and_leaves_nothing_of_itself(
    writer: Writer,
) -> None:
    answers = await writer.together(put("a"), fail, put("b"))
    assert [type(answer) for answer in answers] == [type(None), NotFound, type(None)]
    assert await writer.words() == ["a", "b"]


async def test_one_that_loses_the_whole_transaction_is_left_out_of_the_next(writer: Writer) -> None:
    answers = await writer.together(put("a"), lose_the_transaction, put("b"))
    assert [type(answer) for answer in answers] == [type(None), QueueUnavailable, type(None)]
    assert await writer.words() == ["a", "b"]


async def test_a_fault_that_only_the_second_time_has_reaches_its_caller_alone(writer: Writer) -> None:
    times = 0

    def fail_again(_: sqlite3.Connection) -> None:
        nonlocal times
        times += 1
        if times == 2:
            raise ZeroDivisionError

    answers = await writer.together(fail_again, fail, put("a"))
    assert [type(answer) for answer in answers] == [QueueUnavailable, NotFound, type(None)]
    assert await writer.words() == ["a"]


async def test_without_a_failure_there_is_nothing_but_the_work_in_one_transaction(writer: Writer) -> None:
    await writer.together(put("a"), put("b"), put("c"))
    inserts = [f"INSERT INTO words VALUES ('{word}')" for word in "abc"]
    assert writer.said == ["COMMIT", "BEGIN IMMEDIATE", *inserts, "COMMIT"]


async def test_the_check_is_asked_once_for_all_and_then_for_each(writer: Writer) -> None:
    assert await writer.together(put("a"), put("b"), octets=300) == [None, None]
    assert writer.asked == [600]
    writer.room = 500
    writer.asked.clear()
    assert await writer.together(put("c"), put("d"), octets=300) == [None, None]
    assert writer.asked == [600, 300, 300]
    writer.room = 200
    answers = await writer.together(put("e"), put("f"), octets=300)
    assert [type(answer) for answer in answers] == [QueueFull, QueueFull]
    assert await writer.words() == ["a", "b", "c", "d"]


async def test_what_promises_nothing_is_not_checked(writer: Writer) -> None:
    writer.room = -1
    assert await writer.together(put("a")) == [None]
    assert writer.asked == []
