"""What a crash left over: pending copies, judged by the decision log.

A pending copy whose decision line is in the log was accepted; its client may have
heard 250, so it is relayed. Any other was never answered; it is removed, and the
client still has its message.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from rorpost_gateway.queue.base import Queue

LoggedIds = Callable[[float, frozenset[str]], Awaitable[set[str]]]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How many pending copies were made ready, and how many removed."""

    made_ready: int
    removed: int


async def settle_pending(
    queue: Queue,
    *,
    logged_ids: LoggedIds,
    now: float,
    received_before: float,
    in_hand: Callable[[], Collection[str]] = frozenset,
) -> Settled:
    """Judge the pending copies of messages that were received before a moment.

    At start-up that is all of them; later only old ones. Old by the clock is not enough then
    (it jumps, and sealing may have waited long), so what `in_hand` names is left alone.
    `logged_ids(since, among)` tells which decisions stand in the log as accepted.
    """
    pending = [copy for copy in await queue.pending() if copy.message.received_at < received_before]
    # Asked after the listing: whatever was listed and is not in hand now, its commit has ended.
    theirs = in_hand()
    pending = [copy for copy in pending if copy.message.queue_id not in theirs]
    if not pending:
        return Settled(made_ready=0, removed=0)
    logged = await logged_ids(
        min(copy.message.received_at for copy in pending), frozenset(copy.decision_id for copy in pending)
    )
    removed = [copy for copy in pending if copy.decision_id not in logged]
    for copy in removed:
        await queue.discard_pending(copy.message.queue_id, copy.recipient)
    for queue_id in sorted({copy.message.queue_id for copy in pending if copy.decision_id in logged}):
        await queue.make_ready(queue_id, now=now)
    return Settled(made_ready=len(pending) - len(removed), removed=len(removed))
