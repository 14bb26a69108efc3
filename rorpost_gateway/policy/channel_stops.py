"""Which channels stop working when, because a mailbox has no key left. Pure: the ends of keys are given.

A pair works while the recipient has a key to seal to and the sender one to sign with, or, where a partner
sends, one by which its signature counts. What a channel's own validity ends before is not told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rorpost_gateway.address import domain_of
from rorpost_gateway.openpgp.base import KeyEnd, Need
from rorpost_gateway.policy.model import Channel, Pair, Policy

KeyEnds = Mapping[tuple[str, Need], KeyEnd]  # by mailbox and need; what is not in it is not foreseeable

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelStop:
    """Some directed pairs of a channel stop, all because of one mailbox. `end.at` None: they have."""

    channel: Channel
    mailbox: str
    end: KeyEnd
    pairs: tuple[Pair, ...]


def channel_stops(
    policy: Policy, ends: KeyEnds, *, own_domains: frozenset[str], at: datetime
) -> tuple[ChannelStop, ...]:
    """The first stop of every directed pair, by channel and cause; the soonest first. `at` is aware."""
    today = policy.day(at)
    alive = (
        each for each in policy.channels if ends and (each.valid_until is None or today <= each.valid_until)
    )
    found = [stop for channel in alive for stop in _of(policy, channel, ends, own_domains)]
    return tuple(sorted(found, key=lambda stop: (stop.end.at or _EARLIEST, stop.channel.name, stop.mailbox)))


def _of(
    policy: Policy, channel: Channel, ends: KeyEnds, own_domains: frozenset[str]
) -> Iterable[ChannelStop]:
    causes: dict[tuple[str, KeyEnd], list[Pair]] = {}
    for pair in channel.pairs:
        first = _first(pair, ends, own_domains)
        if first is not None:
            causes.setdefault(first, []).append(pair)
    for (mailbox, end), pairs in causes.items():
        if end.at is None or channel.valid_until is None or policy.day(end.at) <= channel.valid_until:
            yield ChannelStop(channel=channel, mailbox=mailbox, end=end, pairs=tuple(pairs))


def _first(pair: Pair, ends: KeyEnds, own_domains: frozenset[str]) -> tuple[str, KeyEnd] | None:
    sender, recipient = pair
    signing = Need.SIGN if domain_of(sender) in own_domains else Need.VERIFY
    found = [
        (mailbox, end)
        for mailbox, need in ((recipient, Need.SEAL), (sender, signing))
        if (end := ends.get((mailbox, need))) is not None
    ]
    return min(found, key=lambda one: one[1].at or _EARLIEST, default=None)
