"""Who may be attempted now: places per next hop and overall.

A next hop that is slow or dead fills its own places and nobody else's: its domains
are then *busy* and are not claimed. A few more copies than there are connections are
claimed for a next hop, so that a connection that becomes free has work at once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rorpost_gateway.address import domain_of
from rorpost_gateway.smtp_client.base import Route, Routes

_WAITING_PER_CONNECTION = 3
_CONNECTIONS_WITHOUT_ROUTE = 4


class Slots:
    def __init__(self, routes: Routes, *, overall: int) -> None:
        self._routes = routes
        self._overall = asyncio.Semaphore(overall)
        self._by_route: dict[Route | None, asyncio.Semaphore] = {}
        self._taken: Counter[Route | None] = Counter()
        self._domains = set(routes.by_domain)

    def take(self, recipient: str) -> None:
        self._domains.add(domain_of(recipient))
        self._taken[self._routes.for_recipient(recipient)] += 1

    def give_back(self, recipient: str) -> None:
        self._taken[self._routes.for_recipient(recipient)] -= 1

    @asynccontextmanager
    async def connection(self, recipient: str) -> AsyncIterator[None]:
        """Wait for a turn: first at the next hop, then overall, so that waiting costs nobody a place."""
        route = self._routes.for_recipient(recipient)
        at_hop = self._by_route.setdefault(route, asyncio.Semaphore(_connections(route)))
        async with at_hop, self._overall:
            yield

    def busy_domains(self) -> frozenset[str]:
        return frozenset(d for d in self._domains if self._free(self._routes.for_recipient(f"@{d}")) <= 0)

    def claimable(self) -> int:
        """How many copies any one next hop that is not busy still has room for; at least 1."""
        routes = {*self._routes.by_domain.values(), self._routes.default}
        free = [places for places in map(self._free, routes) if places > 0]
        return min(free, default=1)

    def _free(self, route: Route | None) -> int:
        return _connections(route) * (1 + _WAITING_PER_CONNECTION) - self._taken[route]


def _connections(route: Route | None) -> int:
    return _CONNECTIONS_WITHOUT_ROUTE if route is None else route.connections
