"""The watch over our mailboxes, put together: whom it watches, by which accounts, and who is told."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config, NotifySettings, SupervisionSettings
from rorpost_gateway.daemon.deadline_lines import DeadlineLines
from rorpost_gateway.daemon.delivering import mail_route
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.daemon.known_messages import KnownMessages
from rorpost_gateway.imap.base import Sessions
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.policy.model import Mailbox, Policy
from rorpost_gateway.reception.house import House
from rorpost_gateway.smtp_client.base import Client
from rorpost_gateway.supervision.base import Now, Roster, Settings, WaitUntil, Watched
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.deadlines import ReadingTimes
from rorpost_gateway.supervision.telling import Letters, Notices
from rorpost_gateway.supervision.watch import Watch

LOOK_AT_THE_CLOCK_SECONDS = 1.0  # it may be put forward or back, and the policy may change
Background = tuple[str, Callable[[], Coroutine[None, None, None]]]  # its name, and what runs until cancelled


@dataclass(frozen=True, kw_only=True)
class Supervising:
    """`notices` is None where the configuration says nothing of who takes them."""

    watch: Watch
    notices: Notices | None

    def background(self) -> tuple[Background, ...]:
        """What runs beside the relay."""
        parts: list[Background] = [("supervision", self.watch.run)]
        if self.notices is not None:
            parts.append(("notices", self.notices.run))
        return tuple(parts)


def make_supervising(
    config: Config, house: House, client: Client, sessions: Sessions | None = None
) -> Supervising | None:
    """None where the configuration has no `supervision`. Raises ConfigurationInvalid."""
    settings = config.supervision
    if settings is None:
        return None
    now, records = house.now, house.records
    roster = roster_of(settings, lambda: house.in_force().policy, config.domains)
    wait_until = waiting(now, roster)
    notices = None
    if settings.notify is not None:
        notices = Notices(_letters(config, settings.notify, client), now=now, wait_until=wait_until)
    folder = config.decision_log.dir
    watch = Watch(
        roster=roster,
        sessions=sessions or ImapSessions(),
        known=KnownMessages(folder, hostname=config.hostname, is_known=records.is_known),
        lines=DeadlineLines(decision_log=house.log, records=records, folder=folder),
        settings=_settings(settings),
        zone=config.timezone,
        holidays=SwedishHolidays(),
        now=now,
        wait_until=wait_until,
        telling=notices,
    )
    return Supervising(watch=watch, notices=notices)


def roster_of(
    settings: SupervisionSettings, policy: Callable[[], Policy], own_domains: frozenset[str]
) -> Roster:
    """Our own mailboxes of the policy in force, made anew when another one is."""
    last: list[tuple[Policy, tuple[Watched, ...]]] = []

    def roster() -> Sequence[Watched]:
        current = policy()
        if not last or last[0][0] is not current:
            ours = (each for each in current.mailboxes.values() if domain_of(each.address) in own_domains)
            last[:] = [(current, tuple(_watched(mailbox, settings) for mailbox in ours))]
        return last[0][1]

    return roster


def waiting(now: Now, roster: Callable[[], object]) -> WaitUntil:
    """Wait for a moment of `now`'s, or until that clock is put back, or what `roster` gives is another."""

    async def wait_until(moment: float) -> None:
        watched, last = roster(), now()
        while last <= (last := now()) < moment and roster() is watched:  # noqa: ASYNC110  a clock tells nobody
            await asyncio.sleep(min(moment - last, LOOK_AT_THE_CLOCK_SECONDS))

    return wait_until


def _watched(mailbox: Mailbox, settings: SupervisionSettings) -> Watched:
    times = ReadingTimes(
        mailbox=mailbox.address,
        read_at=mailbox.read_at,
        weekdays=mailbox.read_on.weekdays,
        on_holidays=mailbox.read_on.on_holidays,
    )
    return Watched(
        address=mailbox.address,
        name=mailbox.name,
        times=times if mailbox.read_at else None,
        account=account_for(settings.account, mailbox.address),
        phone=mailbox.phone,
        on_duty=mailbox.on_duty,
        manager=mailbox.manager,
    )


def _settings(settings: SupervisionSettings) -> Settings:
    return Settings(
        inbox=settings.inbox,
        sent_folder=settings.sent_folder,
        interval_seconds=settings.interval_seconds,
        grace_seconds=settings.grace_seconds,
        escalate_after_seconds=settings.escalate_after_seconds,
        connections=settings.connections,
    )


def _letters(config: Config, notify: NotifySettings, client: Client) -> Letters:
    return Letters(
        client=client,
        route=mail_route(config, notify.server),
        sender=notify.sender,
        zone=config.timezone,
        language=config.language,
    )
