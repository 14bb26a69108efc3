"""The relay's loop: claims due copies, takes on fresh ones, and has each attempted and settled.

Invariants: a copy that goes wrong never stops the others; an attempt is begun only
while its lease outlasts it; without a decision log nothing is attempted, since
nothing could be said of it.

A fresh copy comes straight from whoever queued it, claimed already, while there is room
and nothing older waits for it. The loop looks into the queue for all others: what was
deferred or released, what found no room, what an earlier run left; and for sent copies,
which never stand in a message's way.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from rorpost_gateway.decision import Verdict
from rorpost_gateway.errors import GatewayError, LogUnavailable, NotFound
from rorpost_gateway.queue.base import (
    Claim,
    Copy,
    NewCopy,
    Purpose,
    Queue,
    QueuedMessage,
    as_claimed,
    copy_name,
    lane_of,
)
from rorpost_gateway.relay.attempts import Attempts
from rorpost_gateway.relay.local import LocalMailboxes
from rorpost_gateway.relay.memory import Memory
from rorpost_gateway.relay.room import Room
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.relay.slots import Slots
from rorpost_gateway.smtp_client.base import Client, Routes
from rorpost_gateway.stages import UNTIMED, Stages

_logger = structlog.get_logger()

_SENT_COPIES_PART = 4  # of the octets of all other copies
SETTLING_SECONDS = 10.0  # for an attempt that was broken off when its outcome was known


@dataclass(frozen=True, kw_only=True)
class RelayLimits:
    """`attempt_seconds` must be more than the client's own bound, and less than the lease."""

    attempts: int = 32  # at the same time, over all next hops
    octets: int = 128 * 1024 * 1024  # of the copies that are being attempted
    attempt_seconds: float = 900
    lease_seconds: float = 1800
    poll_seconds: float = 60  # for copies that another node gave back


async def wait_on(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


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
        stages: Stages = UNTIMED,
    ) -> None:
        self._queue = queue
        self._settlement = settlement
        self._now = now
        self._node = node
        self._limits = limits or RelayLimits()
        self._wait = wait
        self._attempts = Attempts(
            client=client,
            routes=routes,
            local=local,
            settlement=settlement,
            judge=judge,
            revision=revision,
            stages=stages,
        )
        self._slots = (
            Slots(routes, overall=self._limits.attempts)
            if local is None
            else Slots(routes, overall=self._limits.attempts, is_own=local.take)
        )
        self._in_hand: dict[str, Copy] = {}
        self._memory = Memory()
        self._room = Room(self._limits.octets)
        self._room_for_sent_copies = Room(self._limits.octets // _SENT_COPIES_PART)
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._settling: set[str] = set()
        self._left_alone: frozenset[str] = frozenset()  # domains with due copies that found no room
        self._clock_minded_at = float("-inf")
        self._wake = asyncio.Event()
        self._stopping = False
        self._log_fault: LogUnavailable | None = None

    def notify_ready(self) -> None:
        """There may be work: a copy became ready, was released or is to be tried now."""
        self._wake.set()

    def reserve(self, copies: Sequence[NewCopy]) -> Claim | None:
        """A claim for fresh copies, and places; None where they have to wait in the queue.

        What waits there already comes first.
        """
        recipients = [copy.recipient for copy in copies if copy.purpose is Purpose.MESSAGE]
        if self._stopping or not self._slots.reserve(recipients, behind=self._left_alone):
            return None
        return Claim(node=self._node, lease_until=self._now() + self._limits.lease_seconds)

    def take_on(self, message: QueuedMessage, copies: Sequence[NewCopy], claim: Claim) -> None:
        """Fresh copies in the places that `reserve` gave: claimed, and durable."""
        for copy in copies:
            if copy.purpose is Purpose.MESSAGE:
                self._keep(message, copy)
                self._begin(as_claimed(message, copy, claim, now=message.received_at))
            else:
                self._wake_for(copy)

    def look_for(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        """Fresh copies without a place, ready in the queue. Where others wait, the loop knows already."""
        for copy in copies:
            self._keep(message, copy)
            self._wake_for(copy)

    def let_go(self, copies: Sequence[NewCopy]) -> None:
        """The places that `reserve` gave, for copies that never came."""
        for copy in copies:
            if copy.purpose is Purpose.MESSAGE:
                self._slots.give_back(copy.recipient)
        self._wake.set()

    def _keep(self, message: QueuedMessage, copy: NewCopy) -> None:
        # Sent copies may have to wait for days, in the place of what goes at once.
        if copy.purpose is Purpose.MESSAGE:
            self._memory.keep(copy_name(message, copy.recipient), copy.sealed)

    def _wake_for(self, copy: NewCopy) -> None:
        if lane_of(copy.recipient, copy.purpose) not in self._left_alone:
            self._wake.set()

    async def run(self) -> None:
        """Until `drain`. Raises LogUnavailable once the log takes no more; attempts in hand end first."""
        while not self._stopping:
            self._wake.clear()
            asked_at = self._now()
            await self._mind_the_clock(asked_at)
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

        What is being settled is settled all the same: what a next hop has taken must not be
        sent again. What was claimed but not begun stays claimed: the next start releases it.
        """
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task, name in self._tasks.items():
            if name not in self._settling:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLING_SECONDS)
        for task in self._tasks:
            task.cancel()
        await self._all_settled()

    async def _all_settled(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _claim(self, now: float) -> list[Copy]:
        busy, limit = self._slots.busy_domains(), self._slots.claimable()
        try:
            claimed = await self._queue.claim(
                node=self._node,
                now=now,
                lease_seconds=self._limits.lease_seconds,
                limit=limit,
                busy_domains=busy,
            )
        except GatewayError as fault:
            _logger.error("queue cannot be read", error=fault)
            return []
        if not busy and not claimed:
            self._memory.forget_all_but(self._in_hand)
        self._left_alone = busy if len(claimed) < limit else self._slots.domains()
        return list(claimed)

    async def _mind_the_clock(self, now: float) -> None:
        """What is due later than any pause can be was deferred by a clock that has gone back since."""
        if 0 <= now - self._clock_minded_at < self._limits.poll_seconds:
            return
        self._clock_minded_at = now
        try:
            moved = await self._queue.bring_forward(latest=now + self._settlement.longest_pause_seconds)
        except GatewayError as fault:
            _logger.error("queue cannot be written", error=fault)
            return
        if moved:
            _logger.warning("the clock went back; copies are due earlier", copies=moved)

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
        if copy.name in self._in_hand:  # claimed again while waiting here: the lease is a new one
            self._in_hand[copy.name] = copy
            return
        self._slots.take(copy.recipient, copy.purpose)
        self._begin(copy)

    def _begin(self, copy: Copy) -> None:
        self._in_hand[copy.name] = copy
        task = asyncio.create_task(self._handle(copy.name, copy.recipient, copy.purpose))
        self._tasks[task] = copy.name
        task.add_done_callback(self._tasks.pop)

    async def _handle(self, name: str, recipient: str, purpose: Purpose) -> None:
        queue_id = self._in_hand[name].message.queue_id
        structlog.contextvars.bind_contextvars(queue_id=queue_id, recipient=recipient)  # of this task alone
        gone = False
        try:
            gone = await self._guarded(name)
        finally:
            self._settling.discard(name)
            self._memory.forget(name)
            del self._in_hand[name]
            self._slots.give_back(recipient, purpose)
            if (
                not gone
                or not self._in_hand
                or self._slots.worth_a_look(recipient, self._left_alone, purpose)
            ):
                self._wake.set()

    async def _guarded(self, name: str) -> bool:
        """Whether the copy arrived, and nothing is left of it in the queue."""
        try:
            return await self._attempt(name)
        except NotFound:
            _logger.info("copy was removed during its attempt")
        except LogUnavailable as fault:
            self._lose_log(fault)
        except Exception as fault:  # noqa: BLE001  one copy must not stop the others
            _logger.error("attempt went wrong", error=fault)
            await self._put_back_after_fault(self._in_hand[name])
        return False

    async def _attempt(self, name: str) -> bool:
        copy = self._in_hand[name]
        room = self._room if copy.purpose is Purpose.MESSAGE else self._room_for_sent_copies
        async with self._slots.connection(copy.recipient, copy.purpose), room.held(copy.sealed_size):
            copy = self._in_hand[name]
            if self._stopping or not self._lease_outlasts_attempt(copy):
                return False
            if await self._settlement.settled_before(copy):
                return True
            octets = self._memory.get(name)
            if octets is None:
                octets = await self._queue.sealed(copy.message.queue_id, copy.recipient)
            tried = await self._attempts.make(copy, octets)
            self._settling.add(name)
        # The connection is somebody else's meanwhile: writing down waits for disks only.
        await self._attempts.settle(copy, tried, octets)
        return tried.arrived

    def _lease_outlasts_attempt(self, copy: Copy) -> bool:
        return copy.lease_until is None or copy.lease_until - self._now() >= self._limits.attempt_seconds

    async def _put_back_after_fault(self, copy: Copy) -> None:
        try:
            await self._attempts.put_back(copy)
        except LogUnavailable as lost:
            self._lose_log(lost)
        except Exception as again:  # noqa: BLE001  the lease runs out, and the copy is claimed anew
            _logger.error("copy could not be put back", error=again)

    def _lose_log(self, fault: LogUnavailable) -> None:
        _logger.critical("decision log takes no more lines; relaying stops", error=fault)
        self._log_fault = fault
        self._stopping = True
        self._wake.set()
