"""A refused sender hears why: a notice with codes only, once a message, where it is safe.

Safe is a sender whose valid signature proves that the message is its own: nobody else can make
this gateway write to it (no backscatter). A notice that cannot be delivered is tried a few times
while the daemon runs; it says nothing that the decision log does not keep.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import structlog

from rorpost_gateway.collecting.base import Refused
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, Delivery, DeliveryOutcome
from rorpost_gateway.dsn import Happened, Recipient, Reported, build_dsn
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule

log = structlog.get_logger()

PAUSES = Schedule(first_seconds=60, factor=4, longest_seconds=3600)
ATTEMPTS = 5
MOST_AT_A_TIME = 100


@dataclass(kw_only=True)
class Telling:
    """`unit_of` makes of one of our mailboxes what a notice says of it."""

    delivery: Delivery
    hostname: str
    zone: tzinfo
    language: Language
    unit_of: Callable[[str], Recipient]
    wait: Callable[[float], Awaitable[object]] = asyncio.sleep
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, refused: Refused) -> None:
        """See `base.Tells`."""
        if len(self._under_way) >= MOST_AT_A_TIME:
            log.warning("refusal-not-told", sender=refused.sender.mailbox, why="too many at a time")
            return
        task = asyncio.create_task(self._told(refused), name="telling")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self, *, grace_seconds: float) -> None:
        """Let what is under way end; what is not delivered by then is not told."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _told(self, refused: Refused) -> None:
        sender = refused.sender
        try:
            octets = self._notice(refused)
            outcome = await self._attempt(refused, octets)
            for attempt in range(1, ATTEMPTS):
                if not isinstance(outcome, DeferredDelivery):
                    break
                await self.wait(PAUSES.pause_seconds(attempt, 0.5))
                outcome = await self._attempt(refused, octets)
        except Exception as error:  # noqa: BLE001 - a notice is no reason to end the daemon
            log.error("refusal-not-told", sender=sender.mailbox, error=error)
            return
        except asyncio.CancelledError:
            log.warning("refusal-not-told", sender=sender.mailbox, why="the daemon is stopping")
            raise
        told = isinstance(outcome, Delivered)
        say = log.info if told else log.warning
        say(
            "refusal-told" if told else "refusal-not-told",
            sender=sender.mailbox,
            reply=outcome.reply,
            next_hop=outcome.next_hop,
        )

    async def _attempt(self, refused: Refused, octets: bytes) -> DeliveryOutcome:
        return await self.delivery.deliver(
            refused.sender.mailbox,
            octets,
            reverse_path="",
            unique=f"{int(refused.at)}.{refused.sender.digest[:32]}.refused",
        )

    def _notice(self, refused: Refused) -> bytes:
        reply, sender = refused.reply, refused.sender
        recipient = replace(
            self.unit_of(refused.recipient), reply=f"{reply.code} {reply.enhanced} [{reply.reason}]"
        )
        return build_dsn(
            happened=Happened.FAILED,
            reported=Reported(
                queue_id="",
                sender=sender.mailbox,
                received_at=refused.at,
                message_id=sender.message_id,
                envid=None,
                outer=b"",
            ),
            recipients=[recipient],
            hostname=self.hostname,
            now=refused.at,
            zone=self.zone,
            language=self.language,
        )
