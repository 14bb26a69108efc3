"""The parts of one gateway that work on its stores, made and wired; nothing runs yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rorpost_gateway.collecting.collecting import Collecting
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.log_verbs import LogVerbs
from rorpost_gateway.control.mailbox_verbs import MailboxVerbs
from rorpost_gateway.control.queue_verbs import QueueVerbs
from rorpost_gateway.control.server import ControlServer
from rorpost_gateway.daemon.collecting import make_collecting
from rorpost_gateway.daemon.house import make_house, make_records
from rorpost_gateway.daemon.housekeeping import Housekeeping
from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.daemon.log_upkeep import OwnLog
from rorpost_gateway.daemon.mailbox_figures import mailbox_data
from rorpost_gateway.daemon.operators import OperatorLines
from rorpost_gateway.daemon.relaying import make_relay
from rorpost_gateway.daemon.reminding import make_reminders
from rorpost_gateway.daemon.supervising import Background, Supervising, make_supervising
from rorpost_gateway.daemon.way_in import (
    REMEMBERED_LONGER,
    make_inbound,
    make_inbound_listener,
    max_age,
)
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.delivery.kept_sessions import KeptSessions
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.base import Engine, Opener
from rorpost_gateway.outbound.receiver import Outbound
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.reception.house import House
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.relay.runner import Relay
from rorpost_gateway.reminding.reminders import Reminders
from rorpost_gateway.smtp.listener import Budget, Listener, ListenerSettings
from rorpost_gateway.smtp_client.base import Client
from rorpost_gateway.smtp_client.beside import ClientBeside
from rorpost_gateway.smtp_client.connection import SmtpClient
from rorpost_gateway.stages import UNTIMED, Stages

_STILL_OPEN_PART = 8  # of `in_flight_bytes`: what may wait for its delivery without being opened again


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What is opened before anything else, and closed after it."""

    queue: Queue
    decision_log: LogWriter
    engine: Engine
    opener: Opener


@dataclass(frozen=True, kw_only=True)
class Parts:
    """`submission` comes first in `listeners`.

    What stands in `background` runs beside the relay from the start on; at the end it is cancelled,
    while relay, log and queue still run, and may finish what it has in hand.
    """

    client: Client
    refusals: Refusals
    relay: Relay
    listeners: tuple[Listener, ...]
    budget: Budget
    control: ControlServer
    housekeeping: Housekeeping
    background: tuple[Background, ...] = ()
    collecting: Collecting | None = None
    supervising: Supervising | None = None
    reminders: Reminders | None = None


def make_parts(
    config: Config, holder: Holder, stores: Stores, now: Callable[[], float], stages: Stages = UNTIMED
) -> Parts:
    """Raises ConfigurationInvalid for what cannot be used: a certificate, a password file."""
    records = make_records(holder.in_force)
    client = _make_client(config)
    refusals = Refusals(stores.decision_log, records, now)
    still_open = StillOpen(most_octets=config.limits.in_flight_bytes // _STILL_OPEN_PART)
    sessions = KeptSessions(ImapSessions())
    relay = make_relay(
        config,
        queue=stores.queue,
        client=client,
        opener=stores.opener,
        decision_log=stores.decision_log,
        records=records,
        in_force=holder.in_force,
        now=now,
        still_open=still_open,
        sessions=sessions,
        stages=stages,
    )
    house = replace(_make_house(config, holder, stores, records, relay, now), stages=stages)
    budget = Budget(config.limits.in_flight_bytes)
    inbound = make_inbound(config, house, stores.opener, refusals, still_open)
    listeners, in_hand = _make_listeners(config, house, inbound, refusals, budget)
    collecting = make_collecting(config, house, inbound, budget, client)
    supervising = make_supervising(config, house, client)
    reminders = make_reminders(config, house, client)
    return Parts(
        client=client,
        refusals=refusals,
        relay=relay,
        listeners=listeners,
        budget=budget,
        control=_make_control(config, house, stores, relay, supervising),
        housekeeping=Housekeeping(
            queue=stores.queue,
            decision_log=stores.decision_log,
            refusals=refusals,
            now=now,
            in_hand=in_hand,
            seals_kept=max_age(config) + REMEMBERED_LONGER,
        ),
        collecting=collecting,
        supervising=supervising,
        reminders=reminders,
        background=tuple(_background(config, sessions, collecting, supervising, reminders)),
    )


def _make_control(
    config: Config, house: House, stores: Stores, relay: Relay, supervising: Supervising | None
) -> ControlServer:
    """Every verb of the control socket."""
    lines = OperatorLines(stores.decision_log, house.records, lambda: house.in_force().policy.revision)
    queue = QueueVerbs(queue=stores.queue, record=lines.write, wake=relay.notify_ready, now=house.now)
    settings = config.decision_log
    upkeep = OwnLog(stores.decision_log, folder=settings.dir, key_file=settings.signing_key_file)
    mailboxes = MailboxVerbs(standings=lambda: mailbox_data(supervising))
    handlers = queue.handlers() | LogVerbs(upkeep=upkeep).handlers() | mailboxes.handlers()
    return ControlServer(config.control_socket, handlers)


def _background(
    config: Config,
    sessions: KeptSessions,
    collecting: Collecting | None,
    supervising: Supervising | None,
    reminders: Reminders | None,
) -> Iterator[Background]:
    if config.delivery.imap is not None or config.delivery.sent_copy is not None:
        yield "imap-sessions", sessions.run
    if collecting is not None:
        yield "collecting", collecting.run
    if supervising is not None:
        yield from supervising.background()
    if reminders is not None:
        yield "reminders", reminders.run


def _make_client(config: Config) -> Client:
    here = SmtpClient()
    return ClientBeside(here) if config.processes else here


def _make_house(
    config: Config, holder: Holder, stores: Stores, records: Records, relay: Relay, now: Callable[[], float]
) -> House:
    """What both ways stand on."""
    house = make_house(
        config,
        in_force=holder.in_force,
        records=records,
        engine=stores.engine,
        queue=stores.queue,
        decision_log=stores.decision_log,
        now=now,
    )
    return replace(house, relay_has_work=relay.notify_ready, relay=relay)


def _make_listeners(
    config: Config, house: House, inbound: Inbound | None, refusals: Refusals, budget: Budget
) -> tuple[tuple[Listener, ...], Callable[[], frozenset[str]]]:
    """The listeners, and what is just being committed by any way (queue ids)."""
    outbound = Outbound(house, refusals)
    submission = Listener(submission_settings(config), outbound, budget=budget, stages=house.stages)
    if inbound is None:
        return (submission,), lambda: outbound.in_hand
    listener = make_inbound_listener(config, house, inbound, budget)
    listeners = (submission,) if listener is None else (submission, listener)
    return listeners, lambda: outbound.in_hand | inbound.in_hand


def submission_settings(config: Config) -> ListenerSettings:
    """How Outlook's listener is set up."""
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
