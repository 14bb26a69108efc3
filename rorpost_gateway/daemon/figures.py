"""The figures that are asked for at a scrape: queue, connections, policy, keys, certificates, disks.

Nothing here runs while a message is on its way. What costs something is kept: the whole for a
second, keys and certificates for a minute.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

import rorpost_gateway
from rorpost_gateway.certificates import read_certificate
from rorpost_gateway.collecting.collecting import Collecting
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.health import (
    QUEUE_PATIENCE_SECONDS,
    Check,
    Health,
    Standing,
    free_octets,
)
from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.daemon.key_figures import KeyFigures, key_figures
from rorpost_gateway.daemon.mailbox_figures import mailbox_figures
from rorpost_gateway.daemon.supervising import Supervising
from rorpost_gateway.daemon.witnessing import Witnessing
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.metrics.snapshot import (
    CollectingFigures,
    ListenerFigures,
    PolicyFigures,
    Snapshot,
    TimestampFigures,
    WitnessFigures,
)
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.queue.base import Queue, Waiting
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reminding.reminders import Reminders
from rorpost_gateway.smtp.listener import Budget, Listener

KEPT_SECONDS: Final = 1.0
KEYS_KEPT_SECONDS: Final = 60.0
_LISTENERS: Final = ("submission", "inbound")
Made = TypeVar("Made")


class Kept(Generic[Made]):
    """What was made last, for as long as it counts; several who ask at once wait for one making."""

    def __init__(
        self, make: Callable[[], Awaitable[Made]], *, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: tuple[float, Made] | None = None

    async def get(self) -> Made:
        async with self._lock:
            now = self._clock()
            if self._last is None or now - self._last[0] >= self._seconds:
                self._last = (now, await self._make())
            return self._last[1]

    def forget(self) -> None:
        self._last = None


class Figures:
    """`now` is seconds since the epoch, `clock` seconds that never go back."""

    def __init__(
        self,
        *,
        config: Config,
        holder: Holder,
        queue: Queue,
        listeners: Sequence[Listener],
        budget: Budget,
        health: Health,
        witnessing: Witnessing,
        collecting: Collecting | None,
        supervising: Supervising | None,
        reminders: Reminders | None,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._holder = holder
        self._queue = queue
        self._listeners = dict(zip(_LISTENERS, listeners, strict=False))
        self._budget = budget
        self._witnessing = witnessing
        self._collecting = collecting
        self._supervising = supervising
        self._reminders = reminders
        self._now = now
        self._checks = Kept(health.ready, seconds=KEPT_SECONDS, clock=clock)
        self._snapshot = Kept(self._take, seconds=KEPT_SECONDS, clock=clock)
        self._keys = Kept(self._look_at_keys, seconds=KEYS_KEPT_SECONDS, clock=clock)
        self._certificates = Kept(self._look_at_certificates, seconds=KEYS_KEPT_SECONDS, clock=clock)

    async def checks(self) -> tuple[Check, ...]:
        """The checks of /readyz, at most a second old."""
        return await self._checks.get()

    async def snapshot(self) -> Snapshot:
        """How everything stands, at most a second ago."""
        return await self._snapshot.get()

    def forget(self) -> None:
        """Something has just changed that must show at once."""
        for kept in (self._checks, self._snapshot, self._keys, self._certificates):
            kept.forget()

    async def _take(self) -> Snapshot:
        config, in_force = self._config, self._holder.current
        keys = await self._keys.get()
        return Snapshot(
            version=rorpost_gateway.__version__,
            python=platform.python_version(),
            engine=config.openpgp.engine,
            queue=await self._census(),
            listeners=await self._connections(),
            in_flight_octets=self._budget.used_octets,
            limits=asdict(config.limits),
            policy=self._policy(in_force),
            keys=keys.keys if keys else (),
            channels=keys.channels if keys else None,
            disk_free_octets=self._disks(),
            witnesses=self._witnesses(),
            collecting=self._sources(),
            mailboxes=mailbox_figures(self._supervising),
            notices=self._notices(),
            reminders=self._reminders.outcomes if self._reminders else None,
            timestamps=self._timestamps(),
            checks={check.name: check.standing is Standing.OK for check in await self.checks()},
        )

    async def _census(self) -> Mapping[str, Waiting] | None:
        try:
            async with asyncio.timeout(QUEUE_PATIENCE_SECONDS):
                return await self._queue.census(now=self._now())
        except (GatewayError, TimeoutError):
            return None  # /readyz and its metric say so

    async def _connections(self) -> dict[str, ListenerFigures]:
        certificates = await self._certificates.get()
        return {
            name: ListenerFigures(
                connections=listener.open_connections,
                most_connections=self._config.limits.connections,
                certificate_expires_at=certificates.get(name),
            )
            for name, listener in self._listeners.items()
        }

    def _policy(self, in_force: InForce) -> PolicyFigures:
        return PolicyFigures(
            revision=in_force.policy.revision,
            counts=in_force.policy.counts(),
            loaded_at=self._holder.loaded_at,
            reload_refused=self._holder.refused_at is not None,
        )

    def _witnesses(self) -> tuple[WitnessFigures, ...]:
        return tuple(
            WitnessFigures(name=each.name, size=each.size, failures=each.failures, conflict=each.conflict)
            for each in self._witnessing.witnesses.figures
        )

    def _sources(self) -> tuple[CollectingFigures, ...]:
        return tuple(
            CollectingFigures(
                account=each.name,
                outcomes={outcome.value: count for outcome, count in each.outcomes.items()},
                up=each.up,
                last_success_at=each.last_success_at,
            )
            for each in (self._collecting.figures if self._collecting else ())
        )

    def _notices(self) -> Mapping[str, int] | None:
        notices = self._supervising.notices if self._supervising else None
        return notices.outcomes if notices else None

    def _timestamps(self) -> TimestampFigures | None:
        stamper = self._witnessing.stamper
        if stamper is None:
            return None
        last = stamper.last
        return TimestampFigures(
            failures=stamper.failures,
            size=last.size if last else 0,
            at=last.at.timestamp() if last else 0.0,
        )

    def _disks(self) -> dict[str, int]:
        queue = Path(self._config.queue_url.removeprefix("sqlite:")).parent
        found = {"queue": free_octets(queue), "decision-log": free_octets(self._config.decision_log.dir)}
        return {name: free for name, free in found.items() if free is not None}

    async def _look_at_keys(self) -> KeyFigures | None:
        in_force, at = self._holder.current, datetime.fromtimestamp(self._now(), UTC)
        if not isinstance(in_force.keys, ListedKeys):
            return None
        return await asyncio.to_thread(
            key_figures, in_force.keys, in_force.policy, self._config.domains, at=at
        )

    async def _look_at_certificates(self) -> dict[str, float]:
        config = self._config
        inbound = config.inbound.smtp if config.inbound else None
        places = {
            "submission": config.submission.certificate,
            "inbound": inbound.certificate if inbound else None,
        }
        found = {name: _expiry(path) for name, path in places.items() if path is not None}
        return {name: expires_at for name, expires_at in found.items() if expires_at is not None}


def _expiry(certificate: Path) -> float | None:
    try:
        return read_certificate(certificate.read_bytes()).valid_until.timestamp()
    except (OSError, ValueError):
        return None  # a reload says what is wrong with it
