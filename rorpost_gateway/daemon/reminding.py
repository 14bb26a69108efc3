"""Reminders put together: of which authorisations, by which way, and what the decision log remembers."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.delivering import mail_route
from rorpost_gateway.daemon.supervising import waiting
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.folder import read_or_unavailable
from rorpost_gateway.decision_log.past_reminders import PastReminder, past_reminders
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.policy.access import accesses_that_end
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.reception.house import House
from rorpost_gateway.reminding.base import Ending, Now, Told
from rorpost_gateway.reminding.reminders import Letters, Reminders
from rorpost_gateway.smtp_client.base import Client


def make_reminders(config: Config, house: House, client: Client) -> Reminders | None:
    """None where the configuration has no `access`. Raises ConfigurationInvalid."""
    notify = config.reminders
    if config.access is None or notify is None:
        return None

    def policy() -> Policy:
        return house.in_force().policy

    letters = Letters(
        client=client,
        route=mail_route(config, notify.server),
        sender=notify.sender,
        zone=config.timezone,
        language=config.language,
        steps_days=config.access.remind_days,
    )
    return Reminders(
        letters,
        endings=lambda days: endings_of(policy(), config.domains, house.now, within_days=days),
        journal=ReminderLines(decision_log=house.log, records=house.records, folder=config.decision_log.dir),
        now=house.now,
        wait_until=waiting(house.now, policy),
    )


def endings_of(
    policy: Policy, own_domains: frozenset[str], now: Now, *, within_days: int
) -> tuple[Ending, ...]:
    """Authorisations for our own mailboxes that are in force, will end soon, and that nobody has renewed.

    Where a mailbox has no manager, whoever asked for the authorisation hears.
    """
    day = policy.day(datetime.fromtimestamp(now(), UTC))
    ours = (each for each in policy.mailboxes.values() if domain_of(each.address) in own_domains)
    return tuple(
        Ending(
            mailbox=one.mailbox,
            mailbox_name=one.mailbox_name,
            user=one.user,
            name=one.name,
            valid_from=one.valid_from,
            valid_until=one.valid_until,
            recipient=one.manager or one.requested_by,
        )
        for one in accesses_that_end(ours, day, within_days=within_days)
    )


@dataclass(frozen=True, kw_only=True)
class ReminderLines:
    """Implements `reminding.base.Journal`."""

    decision_log: DecisionLog
    records: Records
    folder: Path

    async def past(self, *, since: datetime) -> Collection[Told]:
        """See `Journal`."""
        with read_or_unavailable():
            found = await asyncio.to_thread(past_reminders, self.folder, since=since.timestamp())
        return [told for each in found if (told := _told(each)) is not None]

    async def write(self, sent: Sequence[Ending], *, day: date) -> None:
        """See `Journal`."""
        await self.decision_log.append(
            [
                self.records.reminder(
                    recipient=one.recipient,
                    declared_user=one.user,
                    mailbox=one.mailbox,
                    valid_until=one.valid_until.isoformat(),
                    days_left=one.days_left(day),
                )
                for one in sent
            ]
        )


def _told(past: PastReminder) -> Told | None:
    try:
        last = date.fromisoformat(past.valid_until)
    except ValueError:
        return None
    return Told(mailbox=past.mailbox, user=past.user, valid_until=last, days_left=past.days_left)
