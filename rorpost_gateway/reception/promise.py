"""The promise behind every 250, in one place for both ways: pending, logged, ready.

A copy may go on only when its decision line is durable, and 250 may be said only when the
copies are ready. A fault at any step raises, and the client hears 451. What is pending
then is taken back; where even that fails, or the log did, it is judged by the log later.

Where the relay has free places, ready means claimed by it: it goes on with what is in
memory, and the queue is spared a second change and a reading. What has been claimed for
the relay reaches it even where whoever asked has gone meanwhile.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.queue.base import Claim, NewCopy, QueuedMessage
from rorpost_gateway.reception.house import House, TakesOn
from rorpost_gateway.stages import Stage


class Promise:
    """Keeps it, for one way. `in_hand` are queue ids on their way to the 250: nobody else's to settle."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._in_hand: set[str] = set()

    @property
    def in_hand(self) -> frozenset[str]:
        return frozenset(self._in_hand)

    async def keep(self, message: QueuedMessage, copies: Sequence[NewCopy], lines: Sequence[Record]) -> None:
        """Queue the copies with their lines durable, and let the relay have them.

        Raises SealSeen, QueueFull, QueueUnavailable, LogUnavailable.
        """
        house = self._house
        self._in_hand.add(message.queue_id)
        try:
            with house.stages.timed(Stage.QUEUE):
                await house.queue.insert_pending(message, copies)
            with house.stages.timed(Stage.LOG):
                await house.log.append(lines)
            with house.stages.timed(Stage.QUEUE):
                await self._let_go_on(message, copies)
        finally:
            self._in_hand.discard(message.queue_id)

    async def _let_go_on(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        relay = self._house.relay
        if relay is None:
            await self._make_ready(message)
            self._house.relay_has_work()
        elif claim := relay.reserve(copies):
            await asyncio.shield(asyncio.ensure_future(self._hand_over(message, copies, relay, claim)))
        else:
            await self._make_ready(message)
            relay.look_for(message, copies)

    async def _hand_over(
        self, message: QueuedMessage, copies: Sequence[NewCopy], relay: TakesOn, claim: Claim
    ) -> None:
        try:
            await self._make_ready(message, claim)
        except BaseException:
            relay.let_go(copies)
            raise
        relay.take_on(message, copies, claim)

    async def _make_ready(self, message: QueuedMessage, claim: Claim | None = None) -> None:
        queue = self._house.queue
        try:
            await queue.make_ready(message.queue_id, now=message.received_at, claim=claim)
        except Exception:
            # The client hears 451 and sends again. Left pending, its line would have this one go on as
            # well; and on the way in its guard would call the second one a duplicate.
            with suppress(GatewayError):
                await queue.discard_pending(message.queue_id)
            raise
