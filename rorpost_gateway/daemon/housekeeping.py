"""What the daemon does now and then: heartbeats, aggregated lines, old digests, stale pending copies."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

import structlog

from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import GatewayError, LogUnavailable
from rorpost_gateway.outbound.commit import DUPLICATE_SECONDS
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.reception.refusals import Refusals

log = structlog.get_logger()

ROUND_SECONDS = 5.0
# A pending copy older than this is in nobody's hands any more: its commit failed half way.
STALE_SECONDS = 900.0


class Housekeeping:
    """One round every few seconds; `wait` is injected so that tests need no clock."""

    def __init__(
        self,
        *,
        queue: Queue,
        decision_log: LogWriter,
        refusals: Refusals,
        now: Callable[[], float],
        in_hand: Callable[[], Collection[str]] = frozenset,
        seals_kept: timedelta = timedelta(days=15),
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._decision_log = decision_log
        self._refusals = refusals
        self._now = now
        self._in_hand = in_hand
        self._seals_kept = seals_kept
        self._wait = wait

    async def run(self) -> None:
        """Go on until cancelled, or until the decision log takes no more lines."""
        while True:
            await self._wait(ROUND_SECONDS)
            try:
                await self.round()
            except LogUnavailable:
                return
            except (GatewayError, OSError) as error:
                log.warning("housekeeping", error=error)

    async def round(self) -> None:
        now = self._now()
        await self._refusals.flush()
        await self._decision_log.heartbeat()
        await self._queue.forget_submissions(before=now - DUPLICATE_SECONDS)
        await self._queue.forget_seals(before=now - self._seals_kept.total_seconds())
        await self._queue.forget_collected(before=now - self._seals_kept.total_seconds())
        settled = await settle_pending(
            self._queue,
            logged_ids=self._decision_log.decision_ids_since,
            now=now,
            received_before=now - STALE_SECONDS,
            in_hand=self._in_hand,
        )
        if settled.made_ready or settled.removed:
            log.warning("stale-pending-settled", made_ready=settled.made_ready, removed=settled.removed)
