"""IMAP sessions that are kept open for a while, so that not every message costs a login.

A session serves one attempt at a time, and is asked whether it is still alive before it
serves another. One that an attempt ended in any other way than well is closed. Nothing is
kept before `run` runs, nor after it has ended.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from rorpost_gateway.imap.base import Account, ImapError, Session, Sessions

MOST_KEPT = 8
IDLE_SECONDS = 60.0

_Key = tuple[str, str]  # server and username


@dataclass(frozen=True, kw_only=True)
class _Kept:
    session: Session
    closing: AsyncExitStack
    idle_since: float


class KeptSessions:
    """Implements `imap.base.Sessions` over another one. `clock` counts seconds and never goes back."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._wait = wait
        self._kept: dict[_Key, _Kept] = {}
        self._keeping = False

    async def run(self) -> None:
        """Close what has not been needed for a while; all of it when cancelled."""
        self._keeping = True
        try:
            while True:
                await self._wait(IDLE_SECONDS)
                await self._close_idle(before=self._clock() - IDLE_SECONDS)
        finally:
            self._keeping = False
            await self._close_idle(before=float("inf"))

    @asynccontextmanager
    async def open(self, account: Account) -> AsyncIterator[Session]:
        """See `Sessions`."""
        key = (account.server.name, account.username)
        async with AsyncExitStack() as closing:
            session = await self._alive(key, closing)
            if session is None:
                session = await closing.enter_async_context(self._sessions.open(account))
            yield session
            if self._keeping and len(self._kept) < MOST_KEPT and key not in self._kept:
                self._kept[key] = _Kept(session=session, closing=closing.pop_all(), idle_since=self._clock())

    async def _alive(self, key: _Key, closing: AsyncExitStack) -> Session | None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return None
        try:
            await kept.session.noop()
        except ImapError:
            await _close(kept)
            return None
        except BaseException:
            await _close(kept)
            raise
        closing.push_async_exit(kept.closing)
        return kept.session

    async def _close_idle(self, *, before: float) -> None:
        idle = [key for key, kept in self._kept.items() if kept.idle_since <= before]
        await asyncio.gather(*(_close(kept) for kept in map(self._kept.pop, idle)))


async def _close(kept: _Kept) -> None:
    with suppress(ImapError):  # it is not needed any more
        await kept.closing.aclose()
