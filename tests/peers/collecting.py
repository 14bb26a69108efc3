"""Collecting, in process: the real way in, queue and decision log of an `InboundHouse`, and real sessions.

The mailbox is at whatever server a test has. The pauses between sessions and polls are over at once,
and the collector's own clock goes on by them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from structlog.testing import capture_logs
from structlog.typing import EventDict

from rorpost_gateway.collecting.base import Refused, Source
from rorpost_gateway.collecting.collector import Collector
from rorpost_gateway.collecting.deciding import Means
from rorpost_gateway.imap.base import Account, Sessions
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.smtp.limits import Budget
from tests.peers.gateway_world import HOME_CARE
from tests.peers.inbound_house import InboundHouse

BOUND_SECONDS = 20
MOST_OCTETS = 2_000_000


@dataclass(kw_only=True)
class Told:
    told: list[Refused] = field(default_factory=list)

    def tell(self, refused: Refused) -> None:
        self.told.append(refused)


class CollectingHouse:
    """`async with` it: the collector runs from `start` to the end."""

    def __init__(
        self,
        house: InboundHouse,
        account: Account,
        *,
        folder: str = "INBOX",
        sessions: Sessions | None = None,
    ) -> None:
        self.house = house
        self.told = Told()
        self.budget = Budget()
        self.pauses: list[float] = []
        self.seconds = 0.0
        self.logs: list[EventDict] = []
        self._capture = capture_logs()
        self._task: asyncio.Task[None] | None = None
        self.collector = Collector(
            source=Source(
                name=f"{account.username}@{account.server.name}/{folder}",
                account=account,
                folder=folder,
                recipient=HOME_CARE,
            ),
            sessions=sessions or ImapSessions(timeout_seconds=0.5),
            way_in=house.inbound,
            means=Means(
                journal=house.queue,
                tells=self.told,
                share=lambda: self.budget.share(copies=1),
                most_octets=MOST_OCTETS,
                now=house.clock,
            ),
            poll_seconds=60,
            clock=lambda: self.seconds,
            wait=self._wait,
            chance=lambda: 0.5,
        )

    async def _wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def start(self) -> None:
        self._task = asyncio.create_task(self.collector.run())

    async def stop(self) -> None:
        """As the daemon ends it; whatever was in hand is decided and noted."""
        if self._task is not None:
            self._task.cancel()
            async with asyncio.timeout(BOUND_SECONDS):
                await asyncio.wait([self._task])
            self._task = None
        assert self.budget.used_octets == 0

    async def until(self, condition: Callable[[], object]) -> None:
        """Collect until that is so."""
        if self._task is None:
            self.start()
        assert self._task is not None
        async with asyncio.timeout(BOUND_SECONDS):
            while not condition():
                assert not self._task.done()
                await asyncio.sleep(0)

    def counted(self) -> dict[str, int]:
        found = self.collector.figures.outcomes
        return {outcome.value: count for outcome, count in found.items() if count}

    def events(self, name: str) -> list[EventDict]:
        return [each for each in self.logs if each["event"] == name]

    @property
    def failures(self) -> list[str]:
        """The kinds of errors that it went through, in order."""
        return [type(each["error"]).__name__ for each in self.events("collecting-failed")]

    def decided(self) -> list[str]:
        """The reasons in the decision log, in order."""
        return [str(line["reason"]) for line in self.house.lines()]

    async def __aenter__(self) -> Self:
        self.logs = self._capture.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self._capture.__exit__(None, None, None)
