"""The embedded queue: one SQLite file, one writer that commits groups, two readers beside it.

Invariants: see `base`. Writes go through `group_commit` and are durable when they
return. Reads have connections and threads of their own: neither a message on its
way in nor an operator's long listing makes the other wait. Only the writer ever
moves the write-ahead log into the file. Nothing new is taken into files that were
removed or replaced under the open queue: after a restart nobody would find it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from rorpost_gateway.errors import QueueFull, QueueUnavailable
from rorpost_gateway.queue import sqlite_operations as operations
from rorpost_gateway.queue.base import Copy, NewCopy, QueuedMessage, Retry, SeenSeal
from rorpost_gateway.queue.group_commit import Counters, GroupCommit
from rorpost_gateway.queue.sqlite_file import BUSY_TIMEOUT_SECONDS, files_of, open_connection
from rorpost_gateway.queue.sqlite_reader import Reader

RESERVE_OCTETS = 64 * 1024 * 1024  # kept free of new messages: outcomes must still be written


async def open_sqlite_queue(
    path: Path,
    *,
    reserve_octets: int = RESERVE_OCTETS,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> "SqliteQueue":
    """Open the queue in the file `path`, making it (mode 0600, a new folder 0700) where needed.

    New messages are refused with QueueFull while the file system has less than
    `reserve_octets` left. Raises QueueUnavailable or QueueFull.
    """

    def connect() -> list[sqlite3.Connection]:
        with ExitStack() as unless_all_open:
            opened = [
                unless_all_open.enter_context(
                    closing(open_connection(path, busy_timeout_seconds=busy_timeout_seconds))
                )
                for _ in range(3)
            ]
            unless_all_open.pop_all()
            return opened

    writing, reading, listing = await asyncio.to_thread(connect)
    return SqliteQueue(
        writer=GroupCommit(writing),
        reader=Reader(reading, name="queue-reader"),
        lister=Reader(listing, name="queue-lister"),
        path=path,
        reserve_octets=reserve_octets,
    )


class SqliteQueue:
    """See `base.Queue`, which says what each method does and raises."""

    def __init__(
        self, *, writer: GroupCommit, reader: Reader, lister: Reader, path: Path, reserve_octets: int
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._lister = lister
        self._path = path
        self._files = files_of(path)
        self._reserve_octets = reserve_octets

    @property
    def counters(self) -> Counters:
        """Operations and the transactions that carried them."""
        return self._writer.counters

    async def find_seals(self, guards: Collection[str]) -> Mapping[str, SeenSeal]:
        return await self._reader.read(lambda c: operations.find_seals(c, guards))

    async def forget_seals(self, *, before: float) -> int:
        return await self._writer.run(lambda c: operations.forget_seals(c, before))

    async def insert_pending(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        if not copies:
            raise ValueError("a message without copies would never leave the queue")
        octets = sum(len(copy.sealed) for copy in copies)

        def insert(connection: sqlite3.Connection) -> None:
            self._require_in_place()
            self._require_room(octets)
            operations.insert_pending(connection, message, copies)

        await self._writer.run(insert, octets=octets)

    async def make_ready(self, queue_id: str, *, now: float) -> None:
        def make_ready(connection: sqlite3.Connection) -> None:
            self._require_in_place()  # a 250 follows
            operations.make_ready(connection, queue_id, now)

        await self._writer.run(make_ready)

    async def discard_pending(self, queue_id: str, recipient: str | None = None) -> None:
        await self._writer.run(lambda c: operations.discard_pending(c, queue_id, recipient))

    async def claim(
        self,
        *,
        node: str,
        now: float,
        lease_seconds: float,
        limit: int,
        busy_domains: Collection[str] = (),
    ) -> Sequence[Copy]:
        return await self._writer.run(
            lambda c: operations.claim(
                c, node=node, now=now, lease_seconds=lease_seconds, limit=limit, busy_domains=busy_domains
            )
        )

    async def put_back(self, queue_id: str, recipient: str, retry: Retry) -> None:
        await self._writer.run(lambda c: operations.put_back(c, queue_id, recipient, retry))

    async def mark_bounced(self, queue_id: str, recipient: str, *, now: float) -> None:
        await self._writer.run(lambda c: operations.mark_bounced(c, queue_id, recipient, now))

    async def finish(self, queue_id: str, recipient: str, *, undelivered: bool = False) -> None:
        await self._writer.run(lambda c: operations.finish(c, queue_id, recipient, undelivered=undelivered))

    async def hold(self, queue_id: str, recipient: str | None, *, because: str) -> int:
        return await self._writer.run(lambda c: operations.hold(c, queue_id, recipient, because))

    async def release(self, queue_id: str, recipient: str | None, *, now: float) -> int:
        return await self._writer.run(lambda c: operations.release(c, queue_id, recipient, now))

    async def retry_now(self, queue_id: str, recipient: str | None, *, now: float) -> int:
        return await self._writer.run(lambda c: operations.retry_now(c, queue_id, recipient, now))

    async def release_claims(self, node: str) -> int:
        return await self._writer.run(lambda c: operations.release_claims(c, node))

    async def forget_submissions(self, *, before: float) -> int:
        return await self._writer.run(lambda c: operations.forget_submissions(c, before))

    async def find_duplicates(self, digests: Collection[str], *, since: float) -> Mapping[str, str]:
        return await self._reader.read(lambda c: operations.find_duplicates(c, digests, since))

    async def sealed(self, queue_id: str, recipient: str) -> bytes:
        return await self._reader.read(lambda c: operations.sealed(c, queue_id, recipient))

    async def pending(self) -> Sequence[Copy]:
        return await self._lister.read(operations.pending)

    async def show(self, queue_id: str) -> Sequence[Copy]:
        return await self._lister.read(lambda c: operations.show(c, queue_id))

    async def next_due(self) -> float | None:
        return await self._reader.read(operations.next_due)

    async def close(self) -> None:
        """Finish what is waiting. Idempotent; everything asked afterwards is refused."""
        await self._reader.close()
        await self._lister.close()
        await self._writer.close()  # last: closing the last connection folds the log into the file

    # Below everything that names the built-in type in an annotation.
    async def list(self) -> Sequence[Copy]:
        return await self._lister.read(operations.list_all)

    def _require_in_place(self) -> None:
        if files_of(self._path) != self._files:
            raise QueueUnavailable("the queue's store was replaced", private=f"{self._path}: another file")

    def _require_room(self, octets: int) -> None:
        free = os.statvfs(self._path.parent)
        if free.f_bavail * free.f_frsize < self._reserve_octets + octets:
            raise QueueFull("the queue has no room", private="the file system's reserve is reached")
