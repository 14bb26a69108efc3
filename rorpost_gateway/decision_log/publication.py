"""When to publish: a moment after the first line that no checkpoint covers, and once more at the end.

The tree is asked on the log's own thread, between two groups of lines; signing and
writing go on beside the next groups, on a thread of their own. A publication that
fails ends the log, as a line that cannot be made durable does.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from rorpost_gateway.decision_log.chain import Chain
from rorpost_gateway.decision_log.published.note import Checkpoint, cosigned
from rorpost_gateway.decision_log.published.publisher import Publisher
from rorpost_gateway.decision_log.signing import SigningKey
from rorpost_gateway.errors import LogUnavailable

# A line is in a checkpoint a second after it at the latest; the rest of that second is for the disk.
PUBLISH_AFTER_SECONDS = 0.7

Published = Callable[[Checkpoint], None]


class Publication:
    """Publishes for one log.

    `on_published` hears of every checkpoint, `on_failure` of the one that failed.
    """

    def __init__(
        self,
        chain: Chain,
        log_thread: Executor,
        *,
        on_failure: Callable[[BaseException], None],
        on_published: Published | None = None,
        after_seconds: float = PUBLISH_AFTER_SECONDS,
    ) -> None:
        self._chain = chain
        self._publisher: Publisher = chain.publisher
        self._log_thread = log_thread
        self._own_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decision-log-published")
        self._on_failure = on_failure
        self._on_published = on_published
        self._after_seconds = after_seconds
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[Checkpoint]] = set()
        self._failed = False

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint."""
        return self._publisher.newest

    def lines_written(self) -> None:
        """There are lines that no checkpoint covers: publish soon."""
        if self._timer is None and not self._failed:
            self._timer = asyncio.get_running_loop().call_later(self._after_seconds, self._due)

    def sign_with(self, keys: Sequence[SigningKey]) -> None:
        """From the next checkpoint on these sign; all must bear the log's name."""
        self._publisher.keys = tuple(keys)

    async def now(self, *, again: bool = False) -> Checkpoint:
        """Publish all that is durable; `again` even where nothing was added. Raises LogUnavailable."""
        return await self._to_its_end(self._publish(again=again))

    async def cosign(self, lines: Sequence[bytes], of: Checkpoint) -> Checkpoint:
        """Publish `of` once more with witnesses' signature lines. Raises LogUnavailable, ValueError."""
        return await self._to_its_end(self._cosign(lines, of))

    def give_up(self) -> None:
        """The log takes nothing more: nothing is published any more either."""
        self._failed = True
        if self._timer is not None:
            self._timer.cancel()

    async def close(self, *, publish: bool) -> None:
        """Wait for what is on its way and, if told, publish the rest. Raises LogUnavailable."""
        if self._timer is not None:
            self._timer.cancel()
        if self._running:
            await asyncio.wait(self._running)
        try:
            if publish and not self._failed:
                await self.now()
        finally:
            self._failed = True
            self._own_thread.shutdown()

    def _due(self) -> None:
        self._timer = None
        self._begin(self._publish(again=False))  # a failure is told to `on_failure`

    async def _to_its_end(self, work: Coroutine[None, None, Checkpoint]) -> Checkpoint:
        """Whoever stops waiting does not stop it half way: tiles that were told of must be written."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[None, None, Checkpoint]) -> asyncio.Task[Checkpoint]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Checkpoint]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even where nobody waits any more

    async def _publish(self, *, again: bool) -> Checkpoint:
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:
            with self._whole_or_never_again():
                grown = await loop.run_in_executor(self._log_thread, self._chain.grown)
                newest = self._publisher.newest
                if newest is not None and newest.size == grown.size and not again:
                    return newest
                publish = partial(self._publisher.publish, grown)
                checkpoint = await loop.run_in_executor(self._own_thread, publish)
        if self._on_published is not None:
            self._on_published(checkpoint)
        return checkpoint

    async def _cosign(self, lines: Sequence[bytes], of: Checkpoint) -> Checkpoint:
        cosigned(of, lines)  # what is no signature line harms only its caller
        async with self._one_at_a_time:
            with self._whole_or_never_again():
                cosign = partial(self._publisher.cosign, lines, of)
                return await asyncio.get_running_loop().run_in_executor(self._own_thread, cosign)

    @contextmanager
    def _whole_or_never_again(self) -> Iterator[None]:
        if self._failed:
            raise LogUnavailable("the decision log takes no lines", private="decision log: not published")
        try:
            yield
        except BaseException as error:  # whatever it is, what is published is unknown
            self.give_up()
            self._on_failure(error)
            if isinstance(error, Exception):
                text = f"decision log: {error}"
                raise LogUnavailable("the decision log takes no lines", private=text) from error
            raise
