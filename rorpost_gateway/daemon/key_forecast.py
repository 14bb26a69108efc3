"""The key forecast of a policy: when each mailbox runs out of keys, and which channels stop with it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rorpost_gateway.address import domain_of
from rorpost_gateway.openpgp.base import KeyEnd, Need
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.lasting import TimedPin, key_end
from rorpost_gateway.policy.channel_stops import ChannelStop, KeyEnds, channel_stops
from rorpost_gateway.policy.model import Mailbox, PinnedKey, Policy


def forecast(
    index: ListedKeys, policy: Policy, own_domains: frozenset[str], *, at: datetime, within: timedelta
) -> tuple[ChannelStop, ...]:
    """Which channels stop when and because of which key, the soonest first. `at` is aware, and now."""
    ends = key_ends(index, policy, own_domains, at=at)
    # A pair whose first end is later has none of these; few ends make it quick.
    soon = {whose: end for whose, end in ends.items() if end.at is None or end.at <= at + within}
    return channel_stops(policy, soon, own_domains=own_domains, at=at)


def key_ends(index: ListedKeys, policy: Policy, own_domains: frozenset[str], *, at: datetime) -> KeyEnds:
    """When each mailbox of the policy has no key left, by what it is needed for."""
    return {
        (mailbox.address, need): end
        for mailbox in policy.mailboxes.values()
        for need, end in _ends(index, mailbox, own_domains, policy.timezone, at)
    }


def _ends(
    index: ListedKeys, mailbox: Mailbox, own_domains: frozenset[str], zone: ZoneInfo, at: datetime
) -> Iterator[tuple[Need, KeyEnd]]:
    ours = domain_of(mailbox.address) in own_domains
    pins = [TimedPin(fingerprint=key.fingerprint, until=end_of(key, zone)) for key in mailbox.keys]
    for need in (Need.SEAL, Need.SIGN if ours else Need.VERIFY):
        end = key_end(index, mailbox.address, pins, need, at=at)
        if end is not None:
            yield need, end


def end_of(key: PinnedKey, zone: ZoneInfo) -> datetime | None:
    """The midnight after a pin's last day; None where it has none."""
    if key.accept_until is None or key.accept_until == date.max:
        return None
    return datetime.combine(key.accept_until + timedelta(days=1), time.min, tzinfo=zone)
