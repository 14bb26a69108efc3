"""Who may write to whom, as rows: only pairs that exist. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rorpost_gateway.policy.model import Channel, Policy
from rorpost_gateway.policy.rule_changes import UnusualRules


class Validity(StrEnum):
    """How a channel stands on a day."""

    IN_FORCE = "in force"
    TO_COME = "to come"
    OVER = "over"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One directed pair of one channel. `both_ways`: the channel also allows the other direction.

    `rules`: key and value of each that differs from the policy's own.
    """

    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    channel: str
    both_ways: bool
    valid_from: date | None
    valid_until: date | None
    validity: Validity
    rules: tuple[tuple[str, str], ...]


def matrix(
    policy: Policy, day: date, *, mailboxes: frozenset[str] = frozenset(), every: bool = False
) -> tuple[Row, ...]:
    """The pairs that may write on `day`, by sender and recipient.

    `mailboxes`: only pairs of which one is among these (lower case); nothing: all. `every`: also what
    is over, and what is to come.
    """
    unusual = UnusualRules(policy.rules)
    rows = (
        row
        for channel in policy.channels
        if every or channel.in_force(day)
        for row in _rows(policy, channel, day, mailboxes, unusual)
    )
    return tuple(sorted(rows, key=lambda row: (row.sender, row.recipient, row.valid_from or date.min)))


def folded(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The same with one row for both directions of a channel, of which the first stands for both."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for row in rows:
        if row.both_ways and (row.channel, row.recipient, row.sender) in seen:
            continue
        seen.add((row.channel, row.sender, row.recipient))
        kept.append(row)
    return tuple(kept)


def _rows(
    policy: Policy, channel: Channel, day: date, mailboxes: frozenset[str], unusual: UnusualRules
) -> Iterator[Row]:
    pairs, rules = set(channel.pairs), tuple((one.key, one.value) for one in unusual.of(channel.rules))
    for sender, recipient in channel.pairs:
        if mailboxes and mailboxes.isdisjoint((sender, recipient)):
            continue
        yield Row(
            sender=sender,
            sender_name=policy.mailboxes[sender].name,
            recipient=recipient,
            recipient_name=policy.mailboxes[recipient].name,
            channel=channel.name,
            both_ways=(recipient, sender) in pairs,
            valid_from=channel.valid_from,
            valid_until=channel.valid_until,
            validity=_validity(channel, day),
            rules=rules,
        )


def _validity(channel: Channel, day: date) -> Validity:
    if channel.in_force(day):
        return Validity.IN_FORCE
    over = channel.valid_until is not None and channel.valid_until < day
    return Validity.OVER if over else Validity.TO_COME
