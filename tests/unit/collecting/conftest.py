"""A collector over a mailbox in memory, with the real journal and no real time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from rorpost_gateway.collecting.collector import Collector
from rorpost_gateway.collecting.deciding import Means
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from rorpost_gateway.smtp.limits import Budget
from tests.unit.collecting.mailbox import SOURCE, Clock, Mailbox, ScriptedWayIn, Told

BOUND_SECONDS = 20
MOST_OCTETS = 10_000


class Noting:
    """The journal, which notes each row in `steps`."""

    def __init__(self, queue: Queue, mailbox: Mailbox) -> None:
        self._queue = queue
        self._mailbox = mailbox
        self.find_collected = queue.find_collected

    async def note_collected(self, where, outcome, *, now, to_tell=None):  # type: ignore[no-untyped-def]
        self._mailbox.step("note", where.uid, outcome)
        return await self._queue.note_collected(where, outcome, now=now, to_tell=to_tell)


@dataclass(kw_only=True)
class Scene:
    """`pauses` are those between sessions and polls: over at once, and the clock has gone on."""

    mailbox: Mailbox
    way_in: ScriptedWayIn
    journal: Queue
    collector: Collector
    clock: Clock
    told: Told
    budget: Budget
    pauses: list[float] = field(default_factory=list)
    logs: list[EventDict] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def steps(self) -> list[str]:
        return self.mailbox.steps

    def events(self, name: str) -> list[EventDict]:
        return [each for each in self.logs if each["event"] == name]

    def start(self) -> None:
        self.task = asyncio.create_task(self.collector.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def until(self, condition: Callable[[], object]) -> None:
        """Run until that is so."""
        if self.task is None:
            self.start()
        assert self.task is not None
        async with asyncio.timeout(BOUND_SECONDS):
            while not condition():
                assert not self.task.done()
                await asyncio.sleep(0)

    async def until_idle(self, times: int = 1) -> None:
        """Until it has waited for news so often."""
        await self.until(lambda: len([step for step in self.steps if step.startswith("idle")]) >= times)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock, mailbox, told = Clock(), Mailbox(), Told()
    way_in = ScriptedWayIn(steps=mailbox.steps)
    queue = await open_sqlite_queue(tmp_path / "queue.db")
    budget = Budget(1_000_000)
    pauses: list[float] = []

    async def wait(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds
        await asyncio.sleep(0)

    collector = Collector(
        source=SOURCE,
        sessions=mailbox,
        way_in=way_in,
        means=Means(
            journal=Noting(queue, mailbox),
            tells=told,
            share=lambda: budget.share(copies=1),
            most_octets=MOST_OCTETS,
            now=clock,
        ),
        poll_seconds=60,
        clock=clock,
        wait=wait,
        chance=lambda: 0.5,
    )
    with capture_logs() as logs:
        made = Scene(
            mailbox=mailbox,
            way_in=way_in,
            journal=queue,
            collector=collector,
            clock=clock,
            told=told,
            budget=budget,
            pauses=pauses,
            logs=logs,
        )
        try:
            yield made
        finally:
            await made.stop()
            await queue.close()
        assert made.budget.used_octets == 0
