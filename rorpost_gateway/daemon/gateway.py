"""All the parts of one gateway, opened in order and closed in the opposite one.

Opening reads and checks everything before a single address is bound: policy, keys,
logins, routes, log, queue. What a crash left over is settled before the relay runs.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress

import structlog

import rorpost_gateway
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.arrived import arrived_in, forget_arrived
from rorpost_gateway.daemon.health import Phase
from rorpost_gateway.daemon.in_force import Holder, load_in_force
from rorpost_gateway.daemon.monitoring import Watched, make_watched
from rorpost_gateway.daemon.own_log import open_own_log
from rorpost_gateway.daemon.parts import Parts, Stores, make_parts
from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.daemon.way_in import make_opener
from rorpost_gateway.daemon.witnessing import Witnessing
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError, LogUnavailable
from rorpost_gateway.metrics.tallies import Tallies
from rorpost_gateway.openpgp.engines import open_engine
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.queue.url import open_queue
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.stages import UNTIMED

log = structlog.get_logger()

DRAIN_SECONDS = 30.0
Clock = Callable[[], float]


class Gateway:
    """Made by `open`; `start` binds, `reload` and `stop` do what their names say."""

    def __init__(
        self,
        *,
        parts: Parts,
        holder: Holder,
        decision_log: LogWriter,
        closing: AsyncExitStack,
        give_up: Callable[[], None],
        watched: Watched,
        witnessing: Witnessing,
    ) -> None:
        self._parts = parts
        self._holder = holder
        self._log = decision_log
        self._closing = closing
        self._give_up = give_up
        self._watched = watched
        self._witnessing = witnessing
        self._tasks: list[asyncio.Task[None]] = []
        self._background: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, config: Config, *, give_up: Callable[[], None], now: Clock = time.time) -> "Gateway":
        """Read, check and open everything; nothing is bound yet.

        `give_up` is called when the log or a part fails: the daemon is to end, and start anew.
        Raises ConfigurationInvalid, LogDamaged, LogUnavailable, QueueUnavailable.
        """
        in_force = await load_in_force(config)
        passphrase = _passphrase(config)

        def log_failed(error: BaseException) -> None:
            log.critical("decision-log-failed", error=error)
            give_up()

        tallies = Tallies(clock=time.perf_counter, now=now) if config.metrics else None
        witnessing = Witnessing(config, now=now)
        async with AsyncExitStack() as closing:
            decision_log = await open_own_log(
                config,
                now=now,
                on_failure=log_failed,
                on_written=tallies.lines_written if tallies else None,
                on_published=witnessing.witnesses.published,
            )
            closing.push_async_callback(decision_log.close)
            witnessing.attach(decision_log)
            if decision_log.torn_at_start is not None:
                log.warning("torn-line-closed", file=decision_log.torn_at_start.file)
            stores = await _open_stores(config, passphrase, decision_log, closing, now)
            holder = Holder(config, in_force, stores.engine)
            parts = make_parts(config, holder, stores, now, tallies or UNTIMED)
            watched = make_watched(config, holder, stores, parts, tallies, now, witnessing)
            # Only now, with every part made, is it a start that deserves its lines.
            await _begin(config, in_force, decision_log, stores.queue, now())
            await holder.begin(decision_log)
            return cls(
                parts=parts,
                holder=holder,
                decision_log=decision_log,
                closing=closing.pop_all(),
                give_up=give_up,
                watched=watched,
                witnessing=witnessing,
            )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where submission listens."""
        return self._parts.listeners[0].addresses

    @property
    def inbound_addresses(self) -> tuple[tuple[str, int], ...]:
        """Where partners connect."""
        return tuple(place for listener in self._parts.listeners[1:] for place in listener.addresses)

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where figures and health are served; None where they are not."""
        return self._watched.monitor.address if self._watched.monitor else None

    @property
    def well(self) -> bool:
        """Whether this process is worth keeping, for the supervisor's watchdog."""
        return self._watched.health.well

    @property
    def status(self) -> str:
        """One line for the supervisor."""
        return self._watched.health.status()

    async def start(self) -> None:
        """Bind the control socket and every listener, and let the relay run."""
        await self._parts.control.start()
        if self._watched.monitor is not None:
            await self._watched.monitor.start()
        for listener in self._parts.listeners:
            await listener.start()
        for name, work in (
            ("relay", self._parts.relay.run()),
            ("housekeeping", self._parts.housekeeping.run()),
            ("witnessing", self._witnessing.run()),
        ):
            self._tasks.append(asyncio.create_task(self._run(name, work), name=name))
        self._background = [
            asyncio.create_task(self._run(name, begin()), name=name) for name, begin in self._parts.background
        ]
        self._watched.enter(Phase.SERVING)

    async def reload(self) -> None:
        """Policy, keys, logins and certificate anew; what is wrong stays as it was."""
        await self._holder.reload(self._log)
        refused = False
        for listener in self._parts.listeners:
            try:
                listener.reload_tls()
            except GatewayError as error:
                refused = True
                log.error("certificate-not-reloaded", error=error)
        self._watched.reloaded(certificate_refused=refused)
        self._parts.relay.notify_ready()

    async def stop(self) -> bool:
        """Accept nothing more, finish what is in hand, close; whether everything held to the end."""
        log.info("stopping")
        self._watched.enter(Phase.STOPPING)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(listener.drain(DRAIN_SECONDS) for listener in self._parts.listeners))
        if self._background:  # what has something in hand ends after it
            await asyncio.wait(self._background, timeout=DRAIN_SECONDS)
        await self._parts.control.close()
        await self._parts.relay.drain(grace_seconds=DRAIN_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._parts.client.close()
        if self._watched.monitor is not None:
            await self._watched.monitor.close()
        with suppress(LogUnavailable):
            await self._parts.refusals.flush(everything=True)
            await self._log.append([record.stop()])
            await self._log.publish_now()
            await self._witnessing.last_round()
        sound = self._watched.progress.sound and self._log.available
        await self._closing.aclose()
        log.info("stopped")
        return sound

    async def _run(self, name: str, work: Coroutine[None, None, None]) -> None:
        """A part that ends with an error ends the daemon: half a gateway is worse than none."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - see above
            log.critical("part-failed", part=name, error=error)
            self._watched.progress.sound = False
            self._give_up()


def _passphrase(config: Config) -> str | None:
    try:
        return config.openpgp.passphrase()
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationInvalid(f"{config.openpgp.passphrase_file}: cannot be read: {cause}") from error


async def _open_stores(
    config: Config, passphrase: str | None, decision_log: LogWriter, closing: AsyncExitStack, now: Clock
) -> Stores:
    """What stands beside the log; `closing` closes each, the last one first."""
    queue = await open_queue(config.queue_url, config.file.parent)
    closing.push_async_callback(queue.close)
    engine = await open_engine(
        config.openpgp.engine, config.openpgp.home, passphrase, now=now, processes=config.processes
    )
    closing.push_async_callback(engine.close)
    opener = make_opener(config, passphrase)
    closing.push_async_callback(opener.close)
    return Stores(queue=queue, decision_log=decision_log, engine=engine, opener=opener)


async def _begin(
    config: Config, in_force: InForce, decision_log: LogWriter, queue: Queue, now: float
) -> None:
    """The first line of this run, and order in what the last one left behind."""
    await decision_log.append(
        [record.start(version=rorpost_gateway.__version__, policy=in_force.policy.revision)]
    )
    settled = await settle_pending(
        queue, logged_ids=decision_log.decision_ids_since, now=now, received_before=float("inf")
    )
    arrived = await forget_arrived(queue, arrived_ids=arrived_in(config.decision_log.dir), node=config.node)
    released = await queue.release_claims(config.node)
    if settled.made_ready or settled.removed or arrived or released:
        log.warning(
            "recovered",
            made_ready=settled.made_ready,
            removed=settled.removed,
            arrived=arrived,
            claims_released=released,
        )
