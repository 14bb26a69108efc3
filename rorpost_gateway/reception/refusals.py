"""Refusals outside transactions, counted per client and minute, on their way into the log."""

import asyncio
from collections.abc import Callable

import structlog

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.decision_log.aggregate import Floods
from rorpost_gateway.decision_log.base import DecisionLog, Record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.envelope import Client
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.reply import action_of

log = structlog.get_logger()

# What a client is told again and again without harm done leaves no line.
_NOT_LOGGED = frozenset({Reason.GATEWAY_FAULT, Reason.SHUTTING_DOWN})


class Refusals:
    """Writes the first of a client's minute at once, the rest as one line (`flush`)."""

    def __init__(self, decision_log: DecisionLog, records: Records, now: Callable[[], float]) -> None:
        self._log = decision_log
        self._records = records
        self._now = now
        self._floods = {direction: Floods() for direction in Direction}
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, client: Client, reason: Reason, *, direction: Direction = Direction.OUTBOUND) -> None:
        """Count a refusal; never waits. The line, if there is one, is written beside."""
        if reason in _NOT_LOGGED:
            return
        if self._floods[direction].note(client.network, reason, now=self._now()):
            self._write_beside([self._first(client, reason, direction)])

    async def note_durably(
        self, client: Client, reason: Reason, *, direction: Direction = Direction.OUTBOUND
    ) -> None:
        """Count a refusal of mail; where it has a line of its own, that is durable on return.

        Raises LogUnavailable.
        """
        if self._floods[direction].note(client.network, reason, now=self._now()):
            await self._log.append([self._first(client, reason, direction)])

    async def flush(self, *, everything: bool = False) -> None:
        """Write the minutes that are over (or all of them, before the daemon stops)."""
        lines = [
            self._records.flood(aggregate, direction=direction)
            for direction, floods in self._floods.items()
            for aggregate in (floods.drain() if everything else floods.due(self._now()))
        ]
        if lines:
            await self._append(lines)
        if everything and self._writing:
            await asyncio.wait(self._writing)

    def _first(self, client: Client, reason: Reason, direction: Direction) -> Record:
        records = self._records
        if reason is Reason.LOGIN_FAILED:
            return records.login_failed(client=client.ip, tls=client.tls)
        return records.decision(
            direction=direction,
            action=action_of(reason),
            reason=reason,
            client=client.ip,
            tls=client.tls,
        )

    def _write_beside(self, lines: list[Record]) -> None:
        task = asyncio.get_running_loop().create_task(self._append(lines))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _append(self, lines: list[Record]) -> None:
        try:
            await self._log.append(lines)
        except LogUnavailable:
            log.warning("refusals-not-logged", lines=len(lines))
