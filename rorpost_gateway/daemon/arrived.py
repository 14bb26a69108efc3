"""Copies that had arrived when a run ended, and that its queue had not forgotten yet.

The line that says so is durable before the queue forgets the copy. A crash between the two
leaves a claimed copy; sent once more, it would arrive twice. Only where the sender asked to
hear of a success it is sent once more all the same: whether that was told is not known, and
a message that comes twice is better than a silence that looks like a loss.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, day_files
from rorpost_gateway.decision_log.line import LINE_OCTETS, day_of
from rorpost_gateway.decision_log.lookup import CLOCK_MARGIN_SECONDS
from rorpost_gateway.decision_log.past_lines import mark_of
from rorpost_gateway.envelope import Notify
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.queue.base import Queue

ArrivedIds = Callable[[float, frozenset[str]], Awaitable[set[str]]]

_ARRIVED = (mark_of(Event.RELAYED), mark_of(Event.DELIVERED))


async def forget_arrived(queue: Queue, *, arrived_ids: ArrivedIds, node: str) -> int:
    """Forget what `node` had sent and written down; how many copies. At start-up, before claims are released.

    `arrived_ids(since, among)` tells which copies arrived, by their decision ids.
    """
    claimed = [copy for copy in await queue.list() if copy.claimed_by == node]
    if not claimed:
        return 0
    arrived = await arrived_ids(
        min(copy.message.received_at for copy in claimed), frozenset(copy.decision_id for copy in claimed)
    )
    done = [
        copy
        for copy in claimed
        if copy.decision_id in arrived and Notify.SUCCESS not in (copy.notify or frozenset())
    ]
    for copy in done:
        await queue.finish(copy.message.queue_id, copy.recipient)
    return len(done)


def arrived_in(folder: Path) -> ArrivedIds:
    """Looks into the decision log's files. What it gives raises LogUnavailable, LogDamaged."""

    async def look(since: float, among: frozenset[str]) -> set[str]:
        try:
            return await asyncio.to_thread(partial(_arrived_ids, folder, since=since, among=among))
        except OSError as error:
            raise LogUnavailable(
                "the decision log cannot be read", private=f"decision log: {error}"
            ) from error

    return look


def _arrived_ids(folder: Path, *, since: float, among: Collection[str]) -> set[str]:
    oldest = f"{day_of(since - CLOCK_MARGIN_SECONDS)}{SUFFIX}"
    found: set[str] = set()
    for path in day_files(folder):
        if path.name >= oldest:
            with path.open("rb") as file:
                while line := file.readline(LINE_OCTETS):
                    decision_id = _arrived_id(line)
                    if decision_id in among:
                        found.add(decision_id)
    return found


def _arrived_id(line: bytes) -> str:
    """The decision id of a whole line that says of a copy that it arrived; else nothing."""
    if not any(event in line for event in _ARRIVED) or not line.endswith(b"\n"):
        return ""
    try:
        value = json.loads(line).get("decision_id")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""
