"""All the parts of one gateway, opened in order and closed in the opposite one.

Opening reads and checks everything before a single address is bound: policy, keys,
logins, routes, log, queue. What a crash left over is settled before the relay runs.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress

import structlog

import rorpost_gateway
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.queue_verbs import QueueVerbs
from rorpost_gateway.control.server import ControlServer
from rorpost_gateway.daemon.housekeeping import Housekeeping
from rorpost_gateway.daemon.in_force import Holder, load_in_force
from rorpost_gateway.daemon.operators import OperatorLines
from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.daemon.relaying import make_relay
from rorpost_gateway.daemon.way_in import REMEMBERED_LONGER, make_inbound_listener, max_age
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.signing import load_or_create
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError, LogUnavailable
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.outbound.house import House, InForce
from rorpost_gateway.outbound.receiver import Outbound
from rorpost_gateway.outbound.refusals import Refusals
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.queue.url import open_queue
from rorpost_gateway.smtp.listener import Budget, Listener, ListenerSettings
from rorpost_gateway.smtp_client.connection import SmtpClient

log = structlog.get_logger()

DRAIN_SECONDS = 30.0
Clock = Callable[[], float]


class Gateway:
    """Made by `open`; `start` binds, `reload` and `stop` do what their names say."""

    def __init__(
        self,
        config: Config,
        *,
        holder: Holder,
        queue: Queue,
        decision_log: LogWriter,
        engine: GnupgEngine,
        opener: GnupgOpener,
        give_up: Callable[[], None],
        now: Clock,
    ) -> None:
        self._holder = holder
        self._give_up = give_up
        self._sound = True
        self._log = decision_log
        self._closing = AsyncExitStack()
        self._client = SmtpClient()
        self._refusals = Refusals(decision_log, _records(lambda: holder.current), now)
        self._relay = make_relay(
            config,
            queue=queue,
            client=self._client,
            opener=opener,
            decision_log=decision_log,
            records=_records(lambda: holder.current),
            in_force=lambda: holder.current,
            now=now,
        )
        house = House(
            hostname=config.hostname,
            own_domains=config.domains,
            language=config.language,
            message_size=config.limits.message_size,
            sealed_size_for=lambda domain: _sealed_size(config, domain),
            in_force=lambda: holder.current,
            records=_records(lambda: holder.current),
            engine=engine,
            queue=queue,
            log=decision_log,
            relay_has_work=self._relay.notify_ready,
            now=now,
            random=secrets.token_bytes,
        )
        budget = Budget(config.limits.in_flight_bytes)
        outbound = Outbound(house, self._refusals)
        self._listeners = [Listener(_listener_settings(config), outbound, budget=budget)]
        in_hand: list[Callable[[], frozenset[str]]] = [lambda: outbound.in_hand]
        way_in = make_inbound_listener(config, house, opener, self._refusals, budget)
        if way_in is not None:
            listener, inbound = way_in
            self._listeners.append(listener)
            in_hand.append(lambda: inbound.in_hand)
        lines = OperatorLines(
            decision_log, _records(lambda: holder.current), lambda: holder.current.policy.revision
        )
        verbs = QueueVerbs(queue=queue, record=lines.write, wake=self._relay.notify_ready, now=now)
        self._control = ControlServer(config.control_socket, verbs.handlers())
        self._housekeeping = Housekeeping(
            queue=queue,
            decision_log=decision_log,
            refusals=self._refusals,
            now=now,
            in_hand=lambda: frozenset(queue_id for each in in_hand for queue_id in each()),
            seals_kept=max_age(config) + REMEMBERED_LONGER,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, config: Config, *, give_up: Callable[[], None], now: Clock = time.time) -> "Gateway":
        """Read, check and open everything; nothing is bound yet.

        `give_up` is called when the log or a part fails: the daemon is to end, and start anew.
        Raises ConfigurationInvalid, LogDamaged, LogUnavailable, QueueUnavailable.
        """
        in_force = await load_in_force(config)
        passphrase = _passphrase(config)
        vkey = _prepare_files(config)

        def log_failed(error: BaseException) -> None:
            log.critical("decision-log-failed", error=error)
            give_up()

        async with AsyncExitStack() as closing:
            decision_log = await open_log(
                config.decision_log.dir,
                node=config.node,
                origin=config.decision_log.origin,
                vkey=vkey,
                now=now,
                on_failure=log_failed,
            )
            closing.push_async_callback(decision_log.close)
            if decision_log.torn_at_start is not None:
                log.warning("torn-line-closed", file=decision_log.torn_at_start.file)
            queue = await open_queue(config.queue_url, config.file.parent)
            closing.push_async_callback(queue.close)
            engine = GnupgEngine(config.openpgp.home, passphrase)
            closing.push_async_callback(engine.close)
            opener = GnupgOpener(config.openpgp.home, passphrase)
            closing.push_async_callback(opener.close)
            holder = Holder(config, in_force)
            gateway = cls(
                config,
                holder=holder,
                queue=queue,
                decision_log=decision_log,
                engine=engine,
                opener=opener,
                give_up=give_up,
                now=now,
            )
            # Only now, with every part made, is it a start that deserves its lines.
            await _begin(config, in_force, decision_log, queue, now())
            await holder.begin(decision_log)
            gateway.close_at_last(closing)
            return gateway

    def close_at_last(self, closing: AsyncExitStack) -> None:
        """Take over what `closing` would close; `stop` closes it, after everything else."""
        self._closing = closing.pop_all()

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where submission listens."""
        return self._listeners[0].addresses

    @property
    def inbound_addresses(self) -> tuple[tuple[str, int], ...]:
        """Where partners connect."""
        return tuple(place for listener in self._listeners[1:] for place in listener.addresses)

    async def start(self) -> None:
        """Bind the control socket and every listener, and let the relay run."""
        await self._control.start()
        for listener in self._listeners:
            await listener.start()
        for name, work in (("relay", self._relay.run()), ("housekeeping", self._housekeeping.run())):
            self._tasks.append(asyncio.create_task(self._run(name, work), name=name))

    async def reload(self) -> None:
        """Policy, keys, logins and certificate anew; what is wrong stays as it was."""
        await self._holder.reload(self._log)
        try:
            for listener in self._listeners:
                listener.reload_tls()
        except GatewayError as error:
            log.error("certificate-not-reloaded", error=error)
        self._relay.notify_ready()

    async def stop(self) -> bool:
        """Accept nothing more, finish what is in hand, close; whether everything held to the end."""
        log.info("stopping")
        await asyncio.gather(*(listener.drain(DRAIN_SECONDS) for listener in self._listeners))
        await self._control.close()
        await self._relay.drain(grace_seconds=DRAIN_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()
        sound = self._sound and self._log.available
        with suppress(LogUnavailable):
            await self._refusals.flush(everything=True)
            await self._log.append([record.stop()])
        await self._closing.aclose()
        log.info("stopped")
        return sound

    async def _run(self, name: str, work: Coroutine[None, None, None]) -> None:
        """A part that ends with an error ends the daemon: half a gateway is worse than none."""
        try:
            await work
        except Exception as error:  # noqa: BLE001
            log.critical("part-failed", part=name, error=error)
            self._sound = False
            self._give_up()


def _prepare_files(config: Config) -> str:
    """Make the state folder and the log's signing key where they are missing; the verifier key.

    Raises ConfigurationInvalid.
    """
    try:
        config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return load_or_create(config.decision_log.signing_key_file, config.decision_log.origin)
    except OSError as error:
        raise ConfigurationInvalid(f"{error.filename}: cannot be used: {error.strerror}") from error


def _passphrase(config: Config) -> str | None:
    try:
        return config.openpgp.passphrase()
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationInvalid(f"{config.openpgp.passphrase_file}: cannot be read: {cause}") from error


def _records(in_force: Callable[[], InForce]) -> Records:
    """Builders of lines: names that the policy or the logins in force know are written as they are."""

    def is_known(value: str) -> bool:
        now = in_force()
        return now.policy.knows(value) or now.logins.knows(value)

    return Records(contains_identity_number=contains_identity_number, is_known=is_known)


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
    released = await queue.release_claims(config.node)
    if settled.made_ready or settled.removed or released:
        log.warning(
            "recovered", made_ready=settled.made_ready, removed=settled.removed, claims_released=released
        )


def _sealed_size(config: Config, domain: str) -> int:
    hop = config.relay.next_hop(domain)
    limit = config.limits.sealed_size
    return limit if hop is None else min(limit, hop.max_size_octets)


def _listener_settings(config: Config) -> ListenerSettings:
    submission, limits = config.submission, config.limits
    return ListenerSettings(
        listen=submission.listen,
        hostname=config.hostname,
        tls=submission.tls,
        certificate=submission.certificate,
        key=submission.key,
        clear_text_on_loopback=submission.clear_text_on_loopback,
        message_size_octets=limits.message_size,
        recipients=limits.recipients,
        connections=limits.connections,
        connections_per_client=limits.connections_per_client,
        auth=submission.users is not None,
        trusted_networks=submission.trusted_networks,
    )
