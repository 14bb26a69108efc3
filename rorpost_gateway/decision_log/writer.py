"""The writer: lines go to disk in groups, one write and one fdatasync each.

Everything that waits when the disk is free goes out together; an `append`
returns when its group is durable. One thread does the disk work, one group at a
time, so that numbers and hashes need no lock. A file is only ever appended to,
and the log never goes back to an older file when the clock jumps back.

A write or a synchronisation that fails is never repeated: what the kernel then
holds is unknown, and a second fdatasync may claim a success that is none. That
append and every later one raise LogUnavailable until the daemon starts anew. The
same goes for a checkpoint that cannot be published (`publication`).
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.chain import Chain, Identity
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.line import encode_body
from rorpost_gateway.decision_log.lookup import accepted_ids
from rorpost_gateway.decision_log.publication import PUBLISH_AFTER_SECONDS, Publication, Published
from rorpost_gateway.decision_log.published.note import Checkpoint
from rorpost_gateway.decision_log.signing import SigningKey
from rorpost_gateway.decision_log.tail import Torn
from rorpost_gateway.errors import LogUnavailable

HEARTBEAT_SECONDS = 60.0
# Hears which lines are durable, and the entry number of the last one.
Written = Callable[[Sequence[Record], int], None]


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    records: Sequence[Record]
    bodies: tuple[bytes, ...]
    done: asyncio.Future[int]


class LogWriter:
    """The decision log of one gateway (a DecisionLog). Make one with `open_log`."""

    def __init__(
        self,
        folder: Path,
        chain: Chain,
        executor: ThreadPoolExecutor,
        *,
        now: Callable[[], float],
        heartbeat_seconds: float,
        on_failure: Callable[[BaseException], None] | None,
        on_written: Written | None = None,
        on_published: Published | None = None,
        publish_after_seconds: float = PUBLISH_AFTER_SECONDS,
    ) -> None:
        self._folder = folder
        self._chain = chain
        self._executor = executor
        self._now = now
        self._heartbeat_seconds = heartbeat_seconds
        self._on_failure = on_failure
        self._on_written = on_written
        self._group_began_at: float | None = None
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._last_line_at = now()
        self._available = True
        self._failed = False
        self._closed = False
        self._publication = Publication(
            chain,
            executor,
            on_failure=lambda error: self._fail(error, ()),
            on_published=on_published,
            after_seconds=publish_after_seconds,
        )

    @property
    def available(self) -> bool:
        """False for good once a line could not be made durable, or the log is closed."""
        return self._available

    @property
    def waits_for_disk_seconds(self) -> float:
        """For how long the disk has kept the lines in hand waiting; 0 where there are none."""
        began_at = self._group_began_at
        return 0.0 if began_at is None else asyncio.get_running_loop().time() - began_at

    @property
    def torn_at_start(self) -> Torn | None:
        """What an earlier crash had left at the end of the log, if anything."""
        return self._chain.torn_at_start

    @property
    def witness_file_was_missing(self) -> bool:
        """Whether there were checkpoints, but no copy of one where the configuration says."""
        return self._chain.witness_file_was_missing

    @property
    def published(self) -> Checkpoint | None:
        """The newest checkpoint."""
        return self._publication.newest

    async def append(self, records: Sequence[Record]) -> int:
        """Append the records next to each other; the last entry number, durable.

        Raises LogUnavailable, and ValueError for a record that cannot be a line (the
        log stays available then). A caller that is cancelled may still be logged.
        """
        if not records:
            raise ValueError("nothing to append")
        if not self._available:
            raise LogUnavailable("the decision log takes no lines")
        bodies = tuple(encode_body(entry.event, entry.fields) for entry in records)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(records=records, bodies=bodies, done=done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
            self._flushing.add_done_callback(self._flushed)
        return await done

    def heartbeat_due(self, now: float) -> bool:
        """Whether a minute has gone by without a line (or the clock has jumped back)."""
        return not 0 <= now - self._last_line_at < self._heartbeat_seconds

    async def heartbeat(self) -> bool:
        """Write a heartbeat line if one is due; whether it was. Raises LogUnavailable."""
        if not self.heartbeat_due(self._now()):
            return False
        await self.append([record.heartbeat()])
        return True

    async def decision_ids_since(self, time: float, among: Collection[str] | None = None) -> set[str]:
        """Ids of accepted decisions in the log since `time` (and somewhat before), of those in `among`.

        For start-up: which pending queue rows have their line. Raises LogUnavailable
        where the files cannot be read.
        """
        read = partial(accepted_ids, self._folder, since=time, among=among)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, read)
        except OSError as error:
            raise LogUnavailable(
                "the decision log cannot be read", private=f"decision log: {error}"
            ) from error

    async def publish_now(self, *, again: bool = False) -> Checkpoint:
        """A checkpoint over every line that is durable now; `again` even where the last one covers them all.

        Raises LogUnavailable; the log takes nothing more then.
        """
        return await self._publication.now(again=again)

    def sign_with(self, *keys: SigningKey) -> None:
        """From the next checkpoint on these sign: at a rotation the old key and the new, then the new one."""
        self._publication.sign_with(keys)

    async def add_signatures(self, lines: Sequence[bytes], of: Checkpoint) -> Checkpoint:
        """Publish a checkpoint once more with signature lines of witnesses, each with its line end.

        Raises ValueError for what is no signature line, LogUnavailable.
        """
        return await self._publication.cosign(lines, of)

    async def close(self) -> None:
        """Wait for what is on its way, publish it, then give up files and lock. Safe to call twice."""
        self._available = False
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        if not self._closed:
            self._closed = True
            with suppress(LogUnavailable):  # `on_failure` has heard of it
                await self._publication.close(publish=not self._failed)
            # On the log's own thread: a commit whose waiting was cancelled may still be at work there.
            await asyncio.get_running_loop().run_in_executor(self._executor, self._chain.close)
            self._executor.shutdown()

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._flush_group()
        finally:
            self._flushing = None

    def _flushed(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and self._waiting:  # before it ever began
            self._flushing = None
            self._fail(asyncio.CancelledError(), ())

    async def _flush_group(self) -> None:
        group, self._waiting = self._waiting, []
        now = self._now()
        bodies = [body for waiting in group for body in waiting.bodies]
        commit = partial(self._chain.commit, bodies, now=now)
        self._group_began_at = asyncio.get_running_loop().time()
        try:
            last = await asyncio.get_running_loop().run_in_executor(self._executor, commit)
        except asyncio.CancelledError as error:
            self._fail(error, group)
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, what the disk holds is unknown
            self._fail(error, group)
            return
        finally:
            self._group_began_at = None
        self._last_line_at = now
        _resolve(group, last)
        self._publication.lines_written()
        if self._on_written is not None:
            self._on_written([record for waiting in group for record in waiting.records], last)

    def _fail(self, error: BaseException, group: Sequence[_Waiting]) -> None:
        self._available = False
        for waiting in (*group, *self._waiting):
            if not waiting.done.done():
                waiting.done.set_exception(
                    LogUnavailable("the decision log takes no lines", private=f"decision log: {error}")
                )
        self._waiting = []
        self._publication.give_up()
        if self._on_failure is not None and not self._failed:
            self._on_failure(error)
        self._failed = True


def _resolve(group: Sequence[_Waiting], last: int) -> None:
    n = last - sum(len(waiting.bodies) for waiting in group)
    for waiting in group:
        n += len(waiting.bodies)
        if not waiting.done.done():  # its caller may be gone
            waiting.done.set_result(n)


async def open_log(
    folder: Path,
    *,
    node: str,
    signing_key: SigningKey,
    next_key: SigningKey | None = None,
    witness_file: Path | None = None,
    genesis: Record | None = None,
    now: Callable[[], float],
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    publish_after_seconds: float = PUBLISH_AFTER_SECONDS,
    on_failure: Callable[[BaseException], None] | None = None,
    on_written: Written | None = None,
    on_published: Published | None = None,
    disk: Disk | None = None,
) -> LogWriter:
    """Open the log in `folder` (made where missing) for writing, or begin a new one.

    The log's name is the key's. Where a rotation was cut short, `next_key` may have signed the
    last checkpoint too, and signs the next one besides `signing_key`. `genesis` is entry 0
    of a log that is new. `on_written` hears of every line that `append` made durable, whoever
    still waits for it; `on_published` of every checkpoint after this one.

    Raises LogDamaged, LogUnavailable (another writer, or the disk), ConfigurationInvalid.
    """
    keys = (signing_key,) if next_key is None else (signing_key, next_key)
    identity = Identity(node=node, keys=keys, witness_file=witness_file, genesis=genesis)
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decision-log")
    loop = asyncio.get_running_loop()
    try:
        chain = await loop.run_in_executor(
            executor, lambda: Chain.open(folder, identity=identity, now=now(), disk=disk or Disk())
        )
    except OSError as error:
        executor.shutdown()
        raise LogUnavailable("the decision log cannot be opened", private=f"decision log: {error}") from error
    except BaseException:
        executor.shutdown()
        raise
    return LogWriter(
        folder,
        chain,
        executor,
        now=now,
        heartbeat_seconds=heartbeat_seconds,
        on_failure=on_failure,
        on_written=on_written,
        on_published=on_published,
        publish_after_seconds=publish_after_seconds,
    )
