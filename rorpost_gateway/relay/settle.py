"""What follows from an attempt: decision line, notice, queue; in this order.

Invariants: a line is durable before the queue forgets or moves the copy; a bounce
is line → `mark_bounced` → DSN → `finish`, and a copy whose DSN cannot be delivered
stays; a copy that was relayed is not sent again because the queue could not forget
it. A crash between two steps repeats the last one: at worst a line twice, never a
lost copy and never a second DSN. After one behind the line that a copy arrived, the next
start finds the line and forgets the copy, unless its sender asked to hear of a success:
then it goes once more.
"""

from collections.abc import Callable

import structlog

from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.delivery.base import Delivered, DeliveryFailed, NoticeRefused
from rorpost_gateway.dsn import Happened
from rorpost_gateway.queue.base import Copy, Queue, Retry
from rorpost_gateway.relay import outcome
from rorpost_gateway.relay.notices import NOT_ATTEMPTED, Attempted, Notices
from rorpost_gateway.relay.outcome import CopyRecords
from rorpost_gateway.retry import SPREAD, Schedule
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Relayed

UNTOLD = "notice-refused"  # why a bounced copy is held whose sender could not be told

_logger = structlog.get_logger()


class Settlement:
    def __init__(
        self,
        *,
        queue: Queue,
        log: DecisionLog,
        records: CopyRecords,
        schedule: Schedule,
        notices: Notices,
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._log = log
        self._records = records
        self._schedule = schedule
        self._notices = notices
        self._now = now
        self._chance = chance
        self._relayed: set[str] = set()  # logged as relayed, not yet forgotten by the queue

    @property
    def longest_pause_seconds(self) -> float:
        """No copy is put back for longer."""
        return self._schedule.longest_seconds * (1 + SPREAD)

    async def settled_before(self, copy: Copy) -> bool:
        """Finish a copy that was relayed but could not be forgotten."""
        if copy.name not in self._relayed:
            return False
        await self._forget(copy)
        return True

    async def settle(self, copy: Copy, attempt: Attempt | Delivered, outer: bytes, revision: str) -> None:
        """Raises LogUnavailable, and what the queue raises."""
        match attempt:
            case Delivered():
                await self._write(self._records.delivered, copy, attempt, revision)
                self._relayed.add(copy.name)
                await self._forget(copy)
            case Relayed():
                await self._relay_done(copy, attempt, outer, revision)
            case Failed():
                await self._bounce(copy, Happened.FAILED, attempt, outer, revision)
            case Deferred() if self._give_up_due(copy):
                await self._bounce(copy, Happened.EXPIRED, attempt, outer, revision)
            case Deferred():
                await self._defer(copy, attempt, outer, revision)

    async def hold(self, copy: Copy, reason: Reason, outer: bytes, revision: str) -> None:
        """What policy and keys no longer allow stays here; the sender hears of it at once."""
        await self._log.append([outcome.held(self._records.held, copy, revision=revision, reason=reason)])
        await self._try_to_tell(Happened.HELD, copy, outer, NOT_ATTEMPTED)
        await self._queue.hold(copy.message.queue_id, copy.recipient, because=reason.value)

    async def tell_of_bounce(self, copy: Copy, outer: bytes) -> None:
        """Go on with a bounce whose line is in the log and whose DSN is not known to be delivered."""
        reply = copy.last_reply
        ran_out = reply is None or reply.startswith("4")
        happened = Happened.EXPIRED if ran_out and self._give_up_due(copy) else Happened.FAILED
        attempted = Attempted(reply=reply, next_hop=copy.last_next_hop, at=copy.bounced_at)
        await self._finish_bounce(copy, happened, attempted, outer, at=copy.bounced_at or self._now())

    async def _relay_done(self, copy: Copy, attempt: Relayed, outer: bytes, revision: str) -> None:
        await self._write(self._records.relayed, copy, attempt, revision)
        self._relayed.add(copy.name)
        if not attempt.notify_taken:
            await self._try_to_tell(Happened.RELAYED, copy, outer, self._attempted(attempt))
        await self._forget(copy)

    async def _forget(self, copy: Copy) -> None:
        await self._queue.finish(copy.message.queue_id, copy.recipient)
        self._relayed.discard(copy.name)

    async def _defer(self, copy: Copy, attempt: Deferred, outer: bytes, revision: str) -> None:
        await self._write(self._records.deferred, copy, attempt, revision)
        now, received_at = self._now(), copy.message.received_at
        warned = False
        if copy.warned_at is None and self._schedule.warning_due(received_at=received_at, now=now):
            warned = await self._try_to_tell(Happened.DELAYED, copy, outer, self._attempted(attempt))
        await self._put_back(copy, attempt.reply, attempt.next_hop, warned_at=now if warned else None)

    async def _bounce(
        self, copy: Copy, happened: Happened, attempt: Failed | Deferred, outer: bytes, revision: str
    ) -> None:
        await self._write(self._records.bounced, copy, attempt, revision)
        now = self._now()
        await self._queue.mark_bounced(copy.message.queue_id, copy.recipient, now=now)
        await self._finish_bounce(copy, happened, self._attempted(attempt), outer, at=now)

    async def _finish_bounce(
        self, copy: Copy, happened: Happened, attempted: Attempted, outer: bytes, *, at: float
    ) -> None:
        try:
            await self._notices.tell(happened, copy, outer, attempted, now=at)
        except NoticeRefused as fault:
            _logger.error("notice refused", notice=happened.value, reply=fault.public)
            await self._hold_untold(copy)
        except DeliveryFailed as fault:
            _logger.error("notice not delivered", notice=happened.value, error=fault)
            await self._put_back(copy, attempted.reply or "", attempted.next_hop or "")
        else:
            await self._queue.finish(copy.message.queue_id, copy.recipient, undelivered=True)

    async def _hold_untold(self, copy: Copy) -> None:
        """Nobody takes the news that the message did not arrive: it stays for an operator to see."""
        line = outcome.held(self._records.held, copy, revision=copy.message.policy, reason=None)
        await self._log.append([line])
        await self._queue.hold(copy.message.queue_id, copy.recipient, because=UNTOLD)

    async def _put_back(
        self, copy: Copy, reply: str, next_hop: str, *, warned_at: float | None = None
    ) -> None:
        due = self._schedule.next_attempt_at(
            received_at=copy.message.received_at,
            now=self._now(),
            attempts=copy.attempts + 1,
            chance=self._chance(),
        )
        retry = Retry(next_attempt_at=due, reply=reply, next_hop=next_hop, warned_at=warned_at)
        await self._queue.put_back(copy.message.queue_id, copy.recipient, retry)

    async def _write(
        self, build: outcome.CopyRecord, copy: Copy, attempt: Attempt | Delivered, revision: str
    ) -> None:
        record = outcome.attempted(
            build, copy, revision=revision, reply=attempt.reply, next_hop=attempt.next_hop
        )
        await self._log.append([record])

    async def _try_to_tell(self, happened: Happened, copy: Copy, outer: bytes, attempted: Attempted) -> bool:
        """For notices that nothing waits for: a mailbox that cannot be written must not stop a copy."""
        retry_until = self._schedule.give_up_at(copy.message.received_at)
        try:
            return await self._notices.tell(
                happened, copy, outer, attempted, now=self._now(), retry_until=retry_until
            )
        except DeliveryFailed as fault:
            _logger.error("notice not delivered", notice=happened.value, error=fault)
            return False

    def _attempted(self, attempt: Attempt) -> Attempted:
        return Attempted(reply=attempt.reply, next_hop=attempt.next_hop, at=self._now())

    def _give_up_due(self, copy: Copy) -> bool:
        return self._schedule.give_up_due(received_at=copy.message.received_at, now=self._now())
