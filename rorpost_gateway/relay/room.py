"""How many octets of copies attempts may hold in memory at the same time.

Places alone do not bound that: a place may hold a small copy or the largest there is. Who
waits longest comes first, so that no stream of small copies keeps a large one waiting.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """A copy larger than all of it goes when nothing else is held."""

    def __init__(self, most_octets: int) -> None:
        self._most_octets = most_octets
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, octets: int) -> AsyncIterator[None]:
        """Wait until there is room for so many octets, and hold it."""
        if self._waiting or not self._fits(octets):
            await self._turn(octets)
        else:
            self._held += octets
        try:
            yield
        finally:
            self._held -= octets
            self._let_in()

    async def _turn(self, octets: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((octets, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._held -= octets  # it was given room in the same moment
            self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting:
            octets, turn = self._waiting[0]
            if not turn.done() and not self._fits(octets):
                return
            self._waiting.popleft()
            if not turn.done():
                self._held += octets
                turn.set_result(None)

    def _fits(self, octets: int) -> bool:
        return not self._held or self._held + octets <= self._most_octets
