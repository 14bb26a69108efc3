"""A connection that only reads, in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.sqlite_errors import named

Result = TypeVar("Result")


class Reader:
    """Answers queries one at a time. The connection is closed by `close`."""

    def __init__(self, connection: sqlite3.Connection, *, name: str) -> None:
        connection.execute("PRAGMA query_only = ON")
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `query` returns. Raises QueueUnavailable, or the named error that it raised."""
        try:
            reading = self._thread.submit(query, self._connection)
        except RuntimeError as error:
            raise QueueUnavailable("the queue is closed") from error
        try:
            return await asyncio.wrap_future(reading)
        except sqlite3.Error as error:
            raise named(error) from error

    async def close(self) -> None:
        """Let the query in hand end. Idempotent."""
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()
