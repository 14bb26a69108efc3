"""The relay's loop: claims due copies, judges each again, makes attempts, settles them.

Invariants: no copy leaves unless policy and keys, as they are at that moment, still
allow it; a copy that goes wrong never stops the others; an attempt is begun only
while its lease outlasts it; without a decision log nothing is attempted, since
nothing could be said of it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Verdict
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.errors import GatewayError, LogUnavailable, NotFound
from rorpost_gateway.queue.base import Copy, Queue
from rorpost_gateway.relay.local import LocalMailboxes, NotAllowed
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.relay.slots import Slots
from rorpost_gateway.smtp_client.base import Attempt, Client, Deferred, Outgoing, Routes

_logger = structlog.get_logger()

SETTLING_SECONDS = 10.0  # for an attempt that was broken off when its outcome was known


@dataclass(frozen=True, kw_only=True)
class RelayLimits:
    """`attempt_seconds` must be more than the client's own bound, and less than the lease."""

    attempts: int = 32  # at the same time, over all next hops
    attempt_seconds: float = 900
    lease_seconds: float = 1800
    poll_seconds: float = 60  # for copies that another node gave back


async def wait_on(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _to_its_end(settling: Coroutine[None, None, None]) -> None:
    """Settle, even where the attempt is broken off: what a next hop has taken must not be sent again."""
    task = asyncio.ensure_future(settling)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=SETTLING_SECONDS)
        task.cancel()
        raise


class Relay:
    """`run` until `drain`. `judge` and `revision` are of the policy in force, pure and quick."""

    def __init__(
        self,
        *,
        queue: Queue,
        client: Client,
        routes: Routes,
        settlement: Settlement,
        judge: Callable[[Copy], Verdict],
        revision: Callable[[], str],
        now: Callable[[], float],
        node: str,
        local: LocalMailboxes | None = None,
        limits: RelayLimits | None = None,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = wait_on,
    ) -> None:
        self._queue = queue
        self._client = client
        self._routes = routes
        self._settlement = settlement
        self._judge = judge
        self._revision = revision
        self._now = now
        self._node = node
        self._local = local
        self._limits = limits or RelayLimits()
        self._wait = wait
        self._slots = (
            Slots(routes, overall=self._limits.attempts)
            if local is None
            else Slots(routes, overall=self._limits.attempts, is_own=local.take)
        )
        self._in_hand: dict[str, Copy] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._log_fault: LogUnavailable | None = None

    def notify_ready(self) -> None:
        """There may be work: a copy became ready, was released or is to be tried now."""
        self._wake.set()

    async def run(self) -> None:
        """Until `drain`. Raises LogUnavailable once the log takes no more; attempts in hand end first."""
        while not self._stopping:
            self._wake.clear()
            asked_at = self._now()
            claimed = await self._claim(asked_at)
            for copy in claimed:
                self._take(copy)
            if not claimed and not self._stopping:
                await self._wait(self._wake, await self._pause_seconds(asked_at))
        await self._all_settled()
        if self._log_fault is not None:
            raise self._log_fault

    async def drain(self, *, grace_seconds: float | None = None) -> None:
        """Take nothing more, let the attempts in hand end; after `grace_seconds` break them off.

        What was claimed but not begun stays claimed: the next start releases it.
        """
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()
        await self._all_settled()

    async def _all_settled(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _claim(self, now: float) -> list[Copy]:
        try:
            return list(
                await self._queue.claim(
                    node=self._node,
                    now=now,
                    lease_seconds=self._limits.lease_seconds,
                    limit=self._slots.claimable(),
                    busy_domains=self._slots.busy_domains(),
                )
            )
        except GatewayError as fault:
            _logger.error("queue cannot be read", error=fault)
            return []

    async def _pause_seconds(self, asked_at: float) -> float:
        try:
            due = await self._queue.next_due()
        except GatewayError:
            return self._limits.poll_seconds
        # What was due already when asked waits for a place, and a place wakes the loop.
        if due is None or due <= asked_at:
            return self._limits.poll_seconds
        return min(max(0.0, due - self._now()), self._limits.poll_seconds)

    def _take(self, copy: Copy) -> None:
        in_hand = copy.name in self._in_hand
        self._in_hand[copy.name] = copy  # claimed again while waiting here: the lease is a new one
        if in_hand:
            return
        self._slots.take(copy.recipient)
        task = asyncio.create_task(self._handle(copy.name, copy.recipient), name=f"relay {copy.name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _handle(self, name: str, recipient: str) -> None:
        try:
            async with self._slots.connection(recipient):
                copy = self._in_hand[name]
                if not self._stopping and self._lease_outlasts_attempt(copy):
                    with structlog.contextvars.bound_contextvars(
                        queue_id=copy.message.queue_id, recipient=copy.recipient
                    ):
                        await self._guarded(copy)
        finally:
            del self._in_hand[name]
            self._slots.give_back(recipient)

    def _lease_outlasts_attempt(self, copy: Copy) -> bool:
        return copy.lease_until is None or copy.lease_until - self._now() >= self._limits.attempt_seconds

    async def _guarded(self, copy: Copy) -> None:
        try:
            await self._attempt(copy)
        except NotFound:
            _logger.info("copy was removed during its attempt")
        except LogUnavailable as fault:
            self._lose_log(fault)
        except Exception as fault:  # noqa: BLE001  one copy must not stop the others
            _logger.error("attempt went wrong", error=fault)
            await self._put_back_after_fault(copy)

    async def _attempt(self, copy: Copy) -> None:
        if await self._settlement.settled_before(copy):
            return
        octets = await self._queue.sealed(copy.message.queue_id, copy.recipient)
        if copy.bounced_at is not None:
            await self._settlement.tell_of_bounce(copy, octets)
            return
        verdict, revision = self._judge(copy), self._revision()
        if not verdict.accepted:
            _logger.warning("copy is no longer allowed to leave", reason=verdict.reason.value)
            await self._settlement.hold(copy, verdict.reason, octets, revision)
            return
        attempt = await self._try(copy, octets)
        if isinstance(attempt, NotAllowed):
            _logger.warning("copy is no longer allowed to be read", reason=attempt.reason.value)
            await self._settlement.hold(copy, attempt.reason, octets, revision)
            return
        _logger.info("attempt", outcome=type(attempt).__name__.lower(), next_hop=attempt.next_hop)
        await _to_its_end(self._settlement.settle(copy, attempt, octets, revision))

    async def _try(self, copy: Copy, octets: bytes) -> Attempt | Delivered | NotAllowed:
        if self._local is not None and self._local.take(copy.recipient):
            return await self._local.attempt(copy, octets)
        return await self._send(copy, octets)

    async def _send(self, copy: Copy, octets: bytes) -> Attempt:
        route = self._routes.for_recipient(copy.recipient)
        if route is None:
            reply = f"4.4.4 no route is configured for {domain_of(copy.recipient)}, and no default"
            return Deferred(reply=reply, next_hop="none")
        return await self._client.send(
            route,
            Outgoing(
                reverse_path=copy.message.reverse_path,
                recipient=copy.recipient,
                octets=octets,
                envid=copy.outer_message_id.strip("<>").partition("@")[0],
                notify=copy.notify,
                # The client's own words stay here, as its ENVID does: they may tell of what is sealed.
                original_recipient=f"rfc822;{copy.recipient}" if copy.original_recipient else None,
            ),
        )

    async def _put_back_after_fault(self, copy: Copy) -> None:
        """Deferred, with a text that tells nothing of the inside."""
        fault = Deferred(reply="4.3.0 a fault in this gateway; its log says more", next_hop="none")
        try:
            await self._settlement.settle(copy, fault, b"", self._revision())
        except LogUnavailable as lost:
            self._lose_log(lost)
        except Exception as again:  # noqa: BLE001  the lease runs out, and the copy is claimed anew
            _logger.error("copy could not be put back", error=again)

    def _lose_log(self, fault: LogUnavailable) -> None:
        _logger.critical("decision log takes no more lines; relaying stops", error=fault)
        self._log_fault = fault
        self._stopping = True
        self._wake.set()
