"""A thread that owns a connection and answers what it is asked, in the order it was asked.

Whatever gathered while it was at work it takes together, and wakes each event loop once
for all the answers: that costs the loop less, and the thread has to wait for the
interpreter less often. An answer that nobody waits for any more is found all the same.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rorpost_gateway.errors import GatewayError, QueueUnavailable
from rorpost_gateway.queue.sqlite_errors import named

GROUP_QUESTIONS = 256
GROUP_OCTETS = 16 * 1024 * 1024  # a small message does not wait for more than this

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Question:
    """Something to do with the connection, and who waits for it.

    `octets` is how much it adds to the store; `promises` says that somebody will be
    told something that must hold.
    """

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    octets: int = 0
    promises: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Answer:
    question: Question
    result: Any = None
    error: Exception | None = None


class Answering:
    """`answer` has one answer to each question; it runs in the thread and never raises."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        answer: Callable[[Sequence[Question]], Sequence[Answer]],
        *,
        name: str,
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._waiting: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def ask(
        self,
        work: Callable[[sqlite3.Connection], Result],
        *,
        octets: int = 0,
        promises: bool = False,
    ) -> Result:
        """What `work` returns. Raises QueueFull, QueueUnavailable, or the named error that `work` raised."""
        if self._closed:
            raise QueueUnavailable("the queue is closed")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.put(Question(work=work, octets=octets, promises=promises, future=future))
        return await future

    async def close(self) -> None:
        """Answer what is waiting, then close the connection. Idempotent."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        last = False
        while not last:
            group, last = self._next_group()
            if group:
                _give(self._answer(group))
        self._connection.close()

    def _next_group(self) -> tuple[list[Question], bool]:
        """What waits, at least one question; and whether it is the last group."""
        group: list[Question] = []
        octets = 0
        while len(group) < GROUP_QUESTIONS and octets < GROUP_OCTETS:
            try:
                question = self._waiting.get(block=not group)
            except queue.Empty:
                break
            if question is None:
                return group, True
            group.append(question)
            octets += question.octets
        return group, False


def _give(answers: Sequence[Answer]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer.question.future.get_loop(), []).append(answer)
    for loop, its_answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, its_answers)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(answers: Sequence[Answer]) -> None:
    for answer in answers:
        future = answer.question.future
        if future.done():
            continue
        if answer.error is None:
            future.set_result(answer.result)
        else:
            future.set_exception(_named(answer.error))


def _named(error: Exception) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, sqlite3.Error):
        return named(error)
    return QueueUnavailable("the queue failed", private=repr(error))
