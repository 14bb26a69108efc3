"""Who may be attempted now: places per next hop and overall.

A next hop that is slow or dead fills its own places and nobody else's: its domains
are then *busy* and are not claimed. Our own mailboxes have places of their own, since no
partner's silence may keep mail from them; and so have sent copies, which keep no mail
waiting. A few more copies than there are connections are
claimed for a next hop, so that a connection that becomes free has work at once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from enum import Enum, auto

from rorpost_gateway.address import domain_of
from rorpost_gateway.queue.base import Purpose, lane_of
from rorpost_gateway.smtp_client.base import Route, Routes

_WAITING_PER_CONNECTION = 3
_CONNECTIONS_WITHOUT_ROUTE = 4
_OWN_AT_ONCE = 4  # each holds a message several times over, opened and sealed
_SENT_COPIES_AT_ONCE = 2


class _Own(Enum):
    MAILBOXES = auto()
    SENT_FOLDERS = auto()


_Hop = Route | _Own | None


def _nobodys(_recipient: str) -> bool:
    return False


class Slots:
    """`is_own` says of a recipient whether the mailbox is behind this gateway."""

    def __init__(self, routes: Routes, *, overall: int, is_own: Callable[[str], bool] = _nobodys) -> None:
        self._routes = routes
        self._is_own = is_own
        self._overall = asyncio.Semaphore(overall)
        self._by_route: dict[_Hop, asyncio.Semaphore] = {}
        self._taken: Counter[_Hop] = Counter()
        self._hops: dict[str, _Hop] = {}
        for domain in routes.by_domain:
            self._hop(f"@{domain}")

    def take(self, recipient: str, purpose: Purpose = Purpose.MESSAGE) -> None:
        self._taken[self._hop(recipient, purpose)] += 1

    def give_back(self, recipient: str, purpose: Purpose = Purpose.MESSAGE) -> None:
        self._taken[self._hop(recipient, purpose)] -= 1

    def reserve(self, recipients: Collection[str], *, behind: Collection[str]) -> bool:
        """Take a place for each, or none; none where a domain of `behind` is among them."""
        wanted = Counter(self._hop(recipient) for recipient in recipients)
        if any(domain_of(recipient) in behind for recipient in recipients):
            return False
        if any(self._free(hop) < places for hop, places in wanted.items()):
            return False
        self._taken.update(wanted)
        return True

    @asynccontextmanager
    async def connection(self, recipient: str, purpose: Purpose = Purpose.MESSAGE) -> AsyncIterator[None]:
        """Wait for a turn: first at the next hop, then overall, so that waiting costs nobody a place."""
        hop = self._hop(recipient, purpose)
        at_hop = self._by_route.setdefault(hop, asyncio.Semaphore(_connections(hop)))
        async with at_hop, self._overall:
            yield

    def domains(self) -> frozenset[str]:
        """Every lane that has had a copy or a route."""
        return frozenset(self._hops)

    def busy_domains(self) -> frozenset[str]:
        return frozenset(lane for lane, hop in self._hops.items() if self._free(hop) <= 0)

    def claimable(self) -> int:
        """How many copies any one next hop that is not busy still has room for; at least 1."""
        hops = {*self._routes.by_domain.values(), self._routes.default, _Own.MAILBOXES}
        if self._taken[_Own.SENT_FOLDERS]:
            hops.add(_Own.SENT_FOLDERS)
        free = [places for places in map(self._free, hops) if places > 0]
        return min(free, default=1)

    def worth_a_look(
        self, recipient: str, left_alone: Collection[str], purpose: Purpose = Purpose.MESSAGE
    ) -> bool:
        """Whether copies were left alone for want of a place there, and half the places are free.

        Those that are claimed already keep the connections at work until then; looking once
        for several costs less than once for each.
        """
        if lane_of(recipient, purpose) not in left_alone:
            return False
        hop = self._hop(recipient, purpose)
        return 2 * self._free(hop) >= _places(hop)

    def _hop(self, recipient: str, purpose: Purpose = Purpose.MESSAGE) -> _Hop:
        lane = lane_of(recipient, purpose)
        if lane not in self._hops:
            self._hops[lane] = self._way(recipient, purpose)
        return self._hops[lane]

    def _way(self, recipient: str, purpose: Purpose) -> _Hop:
        if purpose is Purpose.SENT_COPY:
            return _Own.SENT_FOLDERS
        return _Own.MAILBOXES if self._is_own(recipient) else self._routes.for_recipient(recipient)

    def _free(self, hop: _Hop) -> int:
        return _places(hop) - self._taken[hop]


def _places(hop: _Hop) -> int:
    return _connections(hop) * (1 + _WAITING_PER_CONNECTION)


def _connections(hop: _Hop) -> int:
    if isinstance(hop, _Own):
        return _OWN_AT_ONCE if hop is _Own.MAILBOXES else _SENT_COPIES_AT_ONCE
    return _CONNECTIONS_WITHOUT_ROUTE if hop is None else hop.connections
