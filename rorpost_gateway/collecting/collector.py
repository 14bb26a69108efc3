"""One source, for as long as the daemon runs: connect, rounds, wait, and connect again.

Whatever the server, the network or this gateway's own stores do, it goes on by itself: with growing
pauses, and with a line in the operator's log each time. An orderly end comes between two messages.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from rorpost_gateway.collecting.base import Source, WayIn
from rorpost_gateway.collecting.deciding import Deciding, Means
from rorpost_gateway.collecting.figures import Figures
from rorpost_gateway.collecting.later import Later
from rorpost_gateway.collecting.offering import Offering
from rorpost_gateway.collecting.round import Round
from rorpost_gateway.imap.base import ImapLoginFailed, ImapRefused, Session, Sessions
from rorpost_gateway.retry import Schedule

log = structlog.get_logger()

RECONNECT = Schedule(first_seconds=1, factor=2, longest_seconds=300)
LOGIN_PAUSE_SECONDS = 60.0  # servers lock accounts whose logins fail too often
_BREATH_SECONDS = 1.0  # between rounds that found nothing, however often the server says there is something
Wait = Callable[[float], Awaitable[object]]


@dataclass(kw_only=True)
class Collector:
    """`run` until cancelled. `clock` counts seconds and never goes back; `wait` waits for so many."""

    source: Source
    sessions: Sessions
    way_in: WayIn
    means: Means
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    wait: Wait = asyncio.sleep
    chance: Callable[[], float] = random.random
    figures: Figures = field(init=False)

    def __post_init__(self) -> None:
        self.figures = Figures(name=self.source.name)
        self._later = Later(self.clock, chance=self.chance)
        self._failures = 0

    async def run(self) -> None:
        while True:
            before = self.figures.outcomes.total()
            try:
                async with self.sessions.open(self.source.account) as session:
                    await self._attend(session)
            except Exception as error:  # noqa: BLE001 - one mailbox's trouble, of whatever kind, stops no other
                if self.figures.outcomes.total() > before:
                    self._failures = 0  # it fails, but it goes on
                await self._failed(error)

    async def _failed(self, error: Exception) -> None:
        self.figures.failed()
        self._failures += 1
        pause_seconds = RECONNECT.pause_seconds(self._failures, self.chance())
        if isinstance(error, ImapLoginFailed):
            pause_seconds = max(pause_seconds, LOGIN_PAUSE_SECONDS)
        log.error("collecting-failed", account=self.source.name, error=error)
        await self.wait(pause_seconds)
        log.info("reconnecting", account=self.source.name, attempt=self._failures + 1)

    async def _attend(self, session: Session) -> None:
        """Rounds and waits, until something fails."""
        selected = await session.select(self.source.folder)
        if self._later.begin(selected.uid_validity):
            log.warning("uid-validity-changed", account=self.source.name)
        deciding = Deciding(
            source=self.source,
            uid_validity=selected.uid_validity,
            offering=Offering(self.way_in, peer=session.peer, recipient=self.source.recipient),
            means=self.means,
            figures=self.figures,
        )
        ensured: set[str] = set()
        waiting = _Waiting(wait=self.wait, clock=self.clock, poll_seconds=self.poll_seconds)
        while True:
            this = Round(session=session, deciding=deciding, later=self._later, ensured=ensured)
            await this.work()
            self._failures = 0
            self._tell_of(this)
            if not this.settled:  # else more may have come meanwhile
                await waiting.for_more(session, self._later.seconds_to_next())

    def _tell_of(self, this: Round) -> None:
        if this.not_moved:
            log.error(
                "collected-not-moved",
                account=self.source.name,
                messages=len(this.not_moved),
                error=this.not_moved[-1],
            )
        if this.whole:
            self.figures.went_through(self.means.now())
        else:
            self.figures.failed()


@dataclass(kw_only=True)
class _Waiting:
    """Between two rounds of one session."""

    wait: Wait
    clock: Callable[[], float]
    poll_seconds: float
    idles: bool = True

    async def for_more(self, session: Session, due_in_seconds: float | None) -> None:
        """Until something happens in the folder, or a message is due again; at the latest after a poll."""
        began = self.clock()
        most_seconds = min(self.poll_seconds, self.poll_seconds if due_in_seconds is None else due_in_seconds)
        most_seconds = max(_BREATH_SECONDS, most_seconds)
        if self.idles:
            try:
                await session.idle(most_seconds=most_seconds)
            except ImapRefused:
                self.idles = False
        if self.idles:
            if self.clock() - began < _BREATH_SECONDS:
                await self.wait(_BREATH_SECONDS)
        else:
            await self.wait(most_seconds)
            await session.noop()
