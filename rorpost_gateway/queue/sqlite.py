"""The embedded queue: one SQLite file, one writer that commits groups, two readers beside it.

Invariants: see `base`. Writes go through `group_commit` and are durable when they
return. Reads have connections and threads of their own: neither a message on its
way in nor an operator's long listing makes the other wait. Only the writer ever
moves the write-ahead log into the file. One gateway has the file, and nothing new is
taken into files that were removed or replaced under it (`sqlite_place`); so it may know
by heart which submissions are new (`seen`).
"""

import asyncio
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from rorpost_gateway.queue import sqlite_operations as operations
from rorpost_gateway.queue.base import (
    Claim,
    Collected,
    CollectedAs,
    CollectedFrom,
    Copy,
    NewCopy,
    QueuedMessage,
    Retry,
    SeenSeal,
    Waiting,
)
from rorpost_gateway.queue.group_commit import Counters, GroupCommit
from rorpost_gateway.queue.seen import Seen
from rorpost_gateway.queue.sqlite_file import BUSY_TIMEOUT_SECONDS, open_connection
from rorpost_gateway.queue.sqlite_place import Place, take
from rorpost_gateway.queue.sqlite_reader import Reader

RESERVE_OCTETS = 64 * 1024 * 1024  # kept free of new messages: outcomes must still be written


async def open_sqlite_queue(
    path: Path,
    *,
    alone: bool = True,
    reserve_octets: int = RESERVE_OCTETS,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> "SqliteQueue":
    """Open the queue in the file `path`, making it (mode 0600, a new folder 0700) where needed.

    `alone` keeps out everybody else who opens it so, until it is closed or the process ends.
    New messages are refused with QueueFull while the file system has less than
    `reserve_octets` left. Raises QueueUnavailable or QueueFull.
    """

    def connect() -> SqliteQueue:
        with ExitStack() as unless_all_open:
            if alone:
                unless_all_open.callback(os.close, take(path))
            writing, reading, listing = (
                unless_all_open.enter_context(
                    closing(open_connection(path, busy_timeout_seconds=busy_timeout_seconds))
                )
                for _ in range(3)
            )
            place = Place(path, reserve_octets=reserve_octets)
            seen = _what_was_seen(reading) if alone else None
            kept = unless_all_open.pop_all()
        return SqliteQueue(
            writer=GroupCommit(writing, place.require),
            reader=Reader(reading, name="queue-reader"),
            lister=Reader(listing, name="queue-lister"),
            seen=seen,
            closing=kept,
        )

    return await asyncio.to_thread(connect)


class SqliteQueue:
    """See `base.Queue`, which says what each method does and raises.

    `seen` knows the submissions where nobody else writes the store. `closing` comes after all else.
    """

    def __init__(
        self,
        *,
        writer: GroupCommit,
        reader: Reader,
        lister: Reader,
        seen: Seen | None,
        closing: ExitStack,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._lister = lister
        self._seen = seen
        self._closing = closing

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
        await self._writer.run(
            lambda c: operations.insert_pending(c, message, copies),
            octets=sum(len(copy.sealed) for copy in copies),
            promises=True,
        )

    async def make_ready(self, queue_id: str, *, now: float, claim: Claim | None = None) -> None:
        def make_ready(connection: sqlite3.Connection) -> None:
            for digest in operations.make_ready(connection, queue_id, now, claim):
                if self._seen is not None:
                    self._seen.add(digest, at=now)

        await self._writer.run(make_ready, promises=True)

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

    async def bring_forward(self, *, latest: float) -> int:
        return await self._writer.run(lambda c: operations.bring_forward(c, latest))

    async def release_claims(self, node: str) -> int:
        return await self._writer.run(lambda c: operations.release_claims(c, node))

    async def forget_submissions(self, *, before: float) -> int:
        def forget(connection: sqlite3.Connection) -> int:
            forgotten = operations.forget_submissions(connection, before)
            if self._seen is not None:
                self._seen.forget(before=before)
            return forgotten

        return await self._writer.run(forget)

    async def find_duplicates(self, digests: Collection[str], *, since: float) -> Mapping[str, str]:
        if self._seen is not None and not any(map(self._seen.may_know, digests)):
            return {}
        return await self._reader.read(lambda c: operations.find_duplicates(c, digests, since))

    async def sealed(self, queue_id: str, recipient: str) -> bytes:
        return await self._reader.read(lambda c: operations.sealed(c, queue_id, recipient))

    async def pending(self) -> Sequence[Copy]:
        return await self._lister.read(operations.pending)

    async def show(self, queue_id: str) -> Sequence[Copy]:
        return await self._lister.read(lambda c: operations.show(c, queue_id))

    async def next_due(self) -> float | None:
        return await self._reader.read(operations.next_due)

    async def census(self, *, now: float) -> Mapping[str, Waiting]:
        return await self._lister.read(lambda c: operations.census(c, now))

    async def require_writable(self, *, octets: int) -> None:
        await self._writer.run(lambda _: None, octets=octets, promises=True)

    async def find_collected(
        self, account: str, uid_validity: int, uids: Collection[int]
    ) -> Mapping[int, Collected]:
        return await self._reader.read(lambda c: operations.find_collected(c, account, uid_validity, uids))

    async def note_collected(
        self, where: CollectedFrom, outcome: CollectedAs, *, now: float, to_tell: str | None = None
    ) -> bool:
        return await self._writer.run(lambda c: operations.note_collected(c, where, outcome, now, to_tell))

    async def forget_collected(self, *, before: float) -> int:
        return await self._writer.run(lambda c: operations.forget_collected(c, before))

    async def close(self) -> None:
        """Finish what is waiting. Idempotent; everything asked afterwards is refused."""
        await self._reader.close()
        await self._lister.close()
        await self._writer.close()  # last: closing the last connection folds the log into the file
        self._closing.close()  # the place is free for the next one

    # Below everything that names the built-in type in an annotation.
    async def list(self) -> Sequence[Copy]:
        return await self._lister.read(operations.list_all)


def _what_was_seen(connection: sqlite3.Connection) -> Seen | None:
    """None where it cannot be read: whoever asks of a submission then hears what is wrong with the store."""
    seen = Seen()
    try:
        for digest, seen_at in operations.submissions(connection):
            seen.add(digest, at=seen_at)
    except sqlite3.Error:
        return None
    return seen
