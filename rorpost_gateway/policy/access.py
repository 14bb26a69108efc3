"""Who is authorised for which mailbox, on whose request, and for how long still. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from rorpost_gateway.policy.model import Authorisation, Mailbox, Policy


class Standing(StrEnum):
    IN_FORCE = "in-force"
    TO_COME = "to-come"
    OVER = "over"


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """One authorisation as it stands on a day.

    `days_left` is 0 on its last day, None where it is over. `renewed`: the same person
    may go on the day after it ends, by another authorisation.
    """

    mailbox: str
    mailbox_name: str
    manager: str | None
    user: str
    name: str | None
    requested_by: str
    executed_by: str
    valid_from: date
    valid_until: date
    standing: Standing
    days_left: int | None
    renewed: bool

    def ends_within(self, days: int) -> bool:
        """Whether the person will lose the mailbox in so many days, or fewer."""
        in_force = self.standing is Standing.IN_FORCE
        return in_force and not self.renewed and self.days_left is not None and self.days_left <= days


def accesses(policy: Policy, day: date, *, mailbox: str | None = None) -> tuple[Access, ...]:
    """Every authorisation, or those of one mailbox (its address): by mailbox, person and first day."""
    found = policy.mailboxes.values() if mailbox is None else filter(None, (policy.mailbox(mailbox),))
    rows = (row for each in found for row in _of(each, day))
    return tuple(sorted(rows, key=lambda row: (row.mailbox, row.user, row.valid_from)))


def accesses_that_end(mailboxes: Iterable[Mailbox], day: date, *, within_days: int) -> tuple[Access, ...]:
    """Who will lose one of these mailboxes in so many days, or fewer. Quick, where few are."""
    last = day + timedelta(days=within_days)
    rows = (row for each in mailboxes for row in _of(each, day, last=last))
    return tuple(row for row in rows if row.ends_within(within_days))


def _of(mailbox: Mailbox, day: date, *, last: date = date.max) -> Iterator[Access]:
    for periods in mailbox.users.values():
        for each in periods:
            if each.valid_until > last:
                continue
            over = each.valid_until < day
            standing = Standing.OVER if over else Standing.IN_FORCE
            yield Access(
                mailbox=mailbox.address,
                mailbox_name=mailbox.name,
                manager=mailbox.manager,
                user=each.user,
                name=each.name,
                requested_by=each.requested_by,
                executed_by=each.executed_by,
                valid_from=each.valid_from,
                valid_until=each.valid_until,
                standing=Standing.TO_COME if day < each.valid_from else standing,
                days_left=None if over else (each.valid_until - day).days,
                renewed=_renewed(each, periods),
            )


def _renewed(authorisation: Authorisation, periods: tuple[Authorisation, ...]) -> bool:
    if authorisation.valid_until == date.max:
        return False
    after = authorisation.valid_until + timedelta(days=1)
    return any(other.in_force(after) for other in periods)
