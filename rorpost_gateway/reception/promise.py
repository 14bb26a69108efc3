"""The promise behind every 250, in one place for both ways: pending, logged, ready.

A copy may go on only when its decision line is durable, and 250 may be said only when the
copies are ready. A fault at any step raises, and the client hears 451. What is pending
then is taken back; where even that fails, or the log did, it is judged by the log later.
"""

from collections.abc import Sequence
from contextlib import suppress

from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.queue.base import NewCopy, QueuedMessage
from rorpost_gateway.reception.house import House


class Promise:
    """Keeps it, for one way. `in_hand` are queue ids on their way to the 250: nobody else's to settle."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._in_hand: set[str] = set()

    @property
    def in_hand(self) -> frozenset[str]:
        return frozenset(self._in_hand)

    async def keep(self, message: QueuedMessage, copies: Sequence[NewCopy], lines: Sequence[Record]) -> None:
        """Queue the copies with their lines durable, and wake the relay.

        Raises SealSeen, QueueFull, QueueUnavailable, LogUnavailable.
        """
        house = self._house
        self._in_hand.add(message.queue_id)
        try:
            await house.queue.insert_pending(message, copies)
            await house.log.append(lines)
            await self._make_ready(message)
        finally:
            self._in_hand.discard(message.queue_id)
        house.relay_has_work()

    async def _make_ready(self, message: QueuedMessage) -> None:
        queue = self._house.queue
        try:
            await queue.make_ready(message.queue_id, now=message.received_at)
        except Exception:
            # The client hears 451 and sends again. Left pending, its line would have this one go on as
            # well; and on the way in its guard would call the second one a duplicate.
            with suppress(GatewayError):
                await queue.discard_pending(message.queue_id)
            raise
