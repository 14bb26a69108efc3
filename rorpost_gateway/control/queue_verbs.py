"""The queue's verbs: list, show, hold, release, retry, remove.

Ids are QUEUE_ID or QUEUE_ID/recipient; hold, release and retry also take ALL, as
Postfix's users know it. What an operator does leaves a line in the decision log:
`held` once it is so, `released` and `removed` before it is so, so that no line of
the relay can come first and nothing is removed without a trace.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rorpost_gateway.control.base import ArgumentInvalid, Busy, Caller, Handler
from rorpost_gateway.control.queue_entry import entry_of
from rorpost_gateway.errors import NotFound
from rorpost_gateway.queue.base import HELD_BY_OPERATOR, Copy, Queue, State

QueueEvent = Literal["held", "released", "removed"]
Record = Callable[[QueueEvent, str, Copy], Awaitable[None]]
"""Writes one durable line of the decision log: event, operator, copy."""

ALL = "ALL"

_AT_ONCE = 64  # copies changed side by side, so that the store and the log can group them
_ID_OCTETS = 300

Change = Callable[[Copy], Awaitable[int]]


@dataclass(frozen=True, kw_only=True)
class QueueVerbs:
    """`wake` tells the relay that something may be due; `now` is seconds since the epoch, UTC."""

    queue: Queue
    record: Record
    wake: Callable[[], None]
    now: Callable[[], float]
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def handlers(self) -> dict[str, Handler]:
        """For `ControlServer`."""
        return {
            "queue.list": self.list,
            "queue.show": self.show,
            "queue.hold": self.hold,
            "queue.release": self.release,
            "queue.retry": self.retry,
            "queue.remove": self.remove,
        }

    async def list(self, _: Caller, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Every copy, oldest message first."""
        if arguments:
            raise ArgumentInvalid("queue.list takes no arguments")
        return await self._entries(await self.queue.list())

    async def show(self, _: Caller, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The copies of one message, or one copy. Never content, not even sealed."""
        return await self._entries(await self._find(_id_in(arguments)))

    async def hold(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        async def hold(copy: Copy) -> int:
            queue_id, recipient = copy.message.queue_id, copy.recipient
            changed = await self.queue.hold(queue_id, recipient, because=HELD_BY_OPERATOR)
            if changed:
                await self.record("held", caller.name, copy)
            return changed

        return await self._change(arguments, {State.READY, State.CLAIMED}, hold)

    async def release(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        async def release(copy: Copy) -> int:
            await self.record("released", caller.name, copy)
            return await self.queue.release(copy.message.queue_id, copy.recipient, now=self.now())

        try:
            return await self._change(arguments, {State.HELD}, release)
        finally:
            self.wake()

    async def retry(self, _: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        async def retry(copy: Copy) -> int:
            return await self.queue.retry_now(copy.message.queue_id, copy.recipient, now=self.now())

        try:
            return await self._change(arguments, {State.READY}, retry)
        finally:
            self.wake()

    async def remove(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        """Forget copies for good. Raises Busy, and removes none, while one is being taken in or sent."""
        identity = _id_in(arguments)
        async with self._one_at_a_time:
            copies = await self._find(identity)
            for copy in copies:
                _require_idle(copy)
            removed = [await self._remove_one(caller, copy) for copy in copies]
        return {"changed": sum(removed), "of": len(copies)}

    async def _remove_one(self, caller: Caller, copy: Copy) -> int:
        queue_id, recipient = copy.message.queue_id, copy.recipient
        # On hold it cannot be claimed any more; whether it just was is seen after that.
        stopped = await self.queue.hold(queue_id, recipient, because=HELD_BY_OPERATOR)
        try:
            [current] = await self._find(copy.name)
            _require_idle(current)
            await self.record("removed", caller.name, current)
        except BaseException:
            if stopped:
                await asyncio.shield(self._give_back(copy))
            raise
        await self.queue.finish(queue_id, recipient, undelivered=True)
        return 1

    async def _give_back(self, copy: Copy) -> None:
        with contextlib.suppress(NotFound):
            await self.queue.release(copy.message.queue_id, copy.recipient, now=self.now())
        self.wake()

    async def _change(
        self, arguments: Mapping[str, Any], states: Collection[State], change: Change
    ) -> dict[str, int]:
        identity = _id_in(arguments, all_allowed=True)
        async with self._one_at_a_time:
            found = await self._find(identity)
            todo = [copy for copy in found if copy.state in states]
            changed = 0
            for start in range(0, len(todo), _AT_ONCE):
                changed += await _all_done(change, todo[start : start + _AT_ONCE])
        return {"changed": changed, "of": len(found)}

    async def _find(self, identity: str) -> Sequence[Copy]:
        if identity == ALL:
            return await self.queue.list()
        queue_id, _, recipient = identity.partition("/")
        copies = await self.queue.show(queue_id)
        found = [copy for copy in copies if not recipient or copy.recipient == recipient]
        if not found:
            raise NotFound(f"no {identity} in the queue")
        return found

    async def _entries(self, copies: Sequence[Copy]) -> Sequence[dict[str, Any]]:
        now = self.now()
        return await asyncio.to_thread(lambda: [entry_of(copy, now) for copy in copies])


async def _all_done(change: Change, copies: Sequence[Copy]) -> int:
    """Change the copies side by side; raise the first error once none is in hand any more."""
    outcomes = await asyncio.gather(*(_unless_gone(change, copy) for copy in copies), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return sum(outcome for outcome in outcomes if isinstance(outcome, int))


async def _unless_gone(change: Change, copy: Copy) -> int:
    try:
        return await change(copy)
    except NotFound:  # relayed in the meantime
        return 0


def _require_idle(copy: Copy) -> None:
    if copy.state is State.PENDING:
        raise Busy(f"{copy.name} is just being taken in; try again in a moment")
    if copy.claimed_by is not None:
        raise Busy(f"{copy.name} is being sent right now; put it on hold, and remove it if it is still there")


def _id_in(arguments: Mapping[str, Any], *, all_allowed: bool = False) -> str:
    match arguments:
        case {"id": str(text)} if len(arguments) == 1:
            return _normal(text, all_allowed=all_allowed)
    raise ArgumentInvalid("one id is needed")


def _normal(text: str, *, all_allowed: bool) -> str:
    if not text.isascii() or not text.isprintable() or len(text) > _ID_OCTETS:
        raise ArgumentInvalid("an id is QUEUE_ID or QUEUE_ID/recipient")
    queue_id, slash, recipient = text.partition("/")
    queue_id = queue_id.upper()
    if queue_id == ALL:
        if slash or not all_allowed:
            raise ArgumentInvalid("ALL is for hold, release and retry, and stands alone")
        return ALL
    if not queue_id.isalnum() or (slash and not recipient):
        raise ArgumentInvalid("an id is QUEUE_ID or QUEUE_ID/recipient")
    return queue_id + slash + recipient.lower()
