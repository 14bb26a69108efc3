"""A connection that only reads, in a thread of its own."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from rorpost_gateway.queue.answers import Answer, Answering, Question

Result = TypeVar("Result")


class Reader:
    """Answers queries one at a time. The connection is closed by `close`."""

    def __init__(self, connection: sqlite3.Connection, *, name: str) -> None:
        connection.execute("PRAGMA query_only = ON")
        self._connection = connection
        self._thread = Answering(connection, self._answers, name=name)

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `query` returns. Raises QueueUnavailable, or the named error that it raised."""
        return await self._thread.ask(query)

    async def close(self) -> None:
        """Answer what is waiting. Idempotent."""
        await self._thread.close()

    def _answers(self, group: Sequence[Question]) -> list[Answer]:
        return [self._answer(question) for question in group]

    def _answer(self, question: Question) -> Answer:
        try:
            return Answer(question=question, result=question.work(self._connection))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return Answer(question=question, error=error)
