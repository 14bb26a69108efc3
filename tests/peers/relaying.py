"""A relay put together for tests: real queue, real Maildir, a log one can read, a clock one can turn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.delivery.base import Delivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.queue.base import Copy, Queue
from rorpost_gateway.relay.notices import Notices, Unit
from rorpost_gateway.relay.runner import Relay, RelayLimits
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp_client.base import Client, Routes
from tests.peers.queues import NOW, SENDER

BOUND_SECONDS = 20
REVISION = "cd" * 32
UNITS = {"rorpost.vcbrinken@regionostergotland.se": Unit(name="Vårdcentralen Brinken", phone="010-103 00 00")}
ALLOWED = Verdict(reason=Reason.OK, rule="channels")


class Lines:
    """A decision log in memory; `broken` makes it refuse, as a full disk would."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.broken = False

    async def append(self, records: Sequence[Record]) -> int:
        if self.broken:
            raise LogUnavailable("the decision log cannot be written")
        self.records.extend(records)
        return len(self.records) - 1

    async def close(self) -> None:
        pass

    @property
    def events(self) -> list[str]:
        return [record.event.value for record in self.records]


@dataclass(kw_only=True)
class Tower:
    """Everything of this side that is durable, and a relay over it that can be made anew."""

    queue: Queue
    client: Client
    routes: Routes
    mail: Path
    delivery: Delivery | None = None
    lines: Lines = field(default_factory=Lines)
    now: float = NOW
    judge: Callable[[Copy], Verdict] = lambda _: ALLOWED
    limits: RelayLimits = field(default_factory=RelayLimits)
    pauses: list[float] = field(default_factory=list)  # how long each wait would have been

    def __post_init__(self) -> None:
        self.mail.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        """A relay as after a start of the daemon; of an earlier one nothing is remembered."""
        self._idle = asyncio.Event()
        settlement = Settlement(
            queue=self.queue,
            log=self.lines,
            records=Records(
                contains_identity_number=lambda text: "19121212-1212" in text, is_known=lambda _: True
            ),
            schedule=Schedule(),
            notices=Notices(
                delivery=self.delivery or MaildirDelivery(self.mail),
                hostname="gw.motala.se",
                zone=ZoneInfo("Europe/Stockholm"),
                language=Language.SV,
                unit_of=lambda address: UNITS.get(address, Unit(name=None, phone=None)),
            ),
            now=lambda: self.now,
            chance=lambda: 0.5,
        )
        self.relay = Relay(
            queue=self.queue,
            client=self.client,
            routes=self.routes,
            settlement=settlement,
            judge=lambda copy: self.judge(copy),
            revision=lambda: REVISION,
            now=lambda: self.now,
            node="gw1",
            limits=self.limits,
            wait=self._wait,
        )

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self.relay._in_hand and not event.is_set():
            self._idle.set()
        await event.wait()

    async def work(self, *, at: float | None = None) -> None:
        """Let the relay do all that is due, and stop it."""
        if at is not None:
            self.now = at
        self._idle.clear()
        run = asyncio.create_task(self.relay.run())
        idle = asyncio.create_task(self._idle.wait())
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                await asyncio.wait({run, idle}, return_when=asyncio.FIRST_COMPLETED)
                await self.relay.drain()
                await run
        finally:
            idle.cancel()
            self.relay._stopping = False  # the same relay may work again

    async def copies(self) -> list[Copy]:
        return list(await self.queue.list())

    def notices(self, mailbox: str = SENDER) -> list[Path]:
        return sorted((self.mail / mailbox).glob("*/*"))


async def work_until_idle(make: Callable[[Callable[[asyncio.Event, float], Awaitable[None]]], Relay]) -> None:
    """Let a relay, made by `make` with this `wait`, do all that is due, and stop it."""
    idle = asyncio.Event()

    async def wait(event: asyncio.Event, _seconds: float) -> None:
        if not relay._in_hand and not event.is_set():
            idle.set()
        await event.wait()

    relay = make(wait)
    run, rest = asyncio.create_task(relay.run()), asyncio.create_task(idle.wait())
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            await asyncio.wait({run, rest}, return_when=asyncio.FIRST_COMPLETED)
            await relay.drain()
            await run
    finally:
        rest.cancel()
