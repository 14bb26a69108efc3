"""What the metrics say of keys: those that mailboxes depend on, and channels that stop for want of one."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rorpost_gateway.daemon.check_keys import SOON, mailbox_keys
from rorpost_gateway.daemon.key_forecast import forecast
from rorpost_gateway.metrics.snapshot import ChannelFigures, ChannelStopFigure, KeyFigure
from rorpost_gateway.openpgp.forecast import Forecast, Prospect, prospects
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.policy.channel_stops import ChannelStop
from rorpost_gateway.policy.model import Policy

MOST_STOPS: Final = 1000  # named one by one; the rest is in the count
FINE, STOPS_SOON, STOPPED = "fine", "stops-soon", "stopped"


@dataclass(frozen=True, kw_only=True)
class KeyFigures:
    keys: tuple[KeyFigure, ...]
    channels: ChannelFigures


def key_figures(
    index: ListedKeys, policy: Policy, own_domains: frozenset[str], *, at: datetime
) -> KeyFigures:
    """Pure, and slow with many mailboxes. `at` is aware."""
    judged = prospects(index, mailbox_keys(policy, own_domains, at), at=at, within=SOON)
    stops = forecast(index, policy, own_domains, at=at, within=SOON)
    return KeyFigures(keys=tuple(map(_key_figure, judged)), channels=_channels(policy, stops, at))


def _channels(policy: Policy, stops: Sequence[ChannelStop], at: datetime) -> ChannelFigures:
    """`stops` come the soonest first."""
    today = policy.day(at)
    alive = sum(each.valid_until is None or today <= each.valid_until for each in policy.channels)
    states: dict[str, str] = {}
    for stop in stops:
        states.setdefault(stop.channel.name, STOPPED if stop.end.at is None else STOPS_SOON)
    counts = Counter({FINE: alive - len(states), STOPS_SOON: 0, STOPPED: 0})
    counts.update(states.values())
    return ChannelFigures(counts=dict(counts), stops=tuple(map(_stop_figure, stops[:MOST_STOPS])))


def _stop_figure(stop: ChannelStop) -> ChannelStopFigure:
    return ChannelStopFigure(
        channel=stop.channel.name,
        mailbox=stop.mailbox,
        fingerprint=stop.end.fingerprint or "",
        at=0.0 if stop.end.at is None else stop.end.at.timestamp(),
    )


def _key_figure(prospect: Prospect) -> KeyFigure:
    expires_at = math.inf if prospect.forecast is Forecast.FINE else None
    if prospect.expires is not None:
        expires_at = prospect.expires.timestamp()
    return KeyFigure(
        mailbox=prospect.mailbox,
        use=prospect.use.value,
        fingerprint=prospect.key.primary if prospect.key else prospect.pin or "",
        forecast=prospect.forecast.value,
        expires_at=expires_at,
    )
