"""Connections kept and used again: a pool per route.

Invariants: at most `route.connections` at a time; a connection is used again only
after a transaction whose end both sides know; a reused connection that turns out
to be dead before MAIL was answered is replaced, unseen by the caller.
"""

import asyncio
import ssl
from dataclasses import dataclass

from rorpost_gateway.smtp_client import transaction, verdict
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Outgoing, Route
from rorpost_gateway.smtp_client.lmtp import session_for
from rorpost_gateway.smtp_client.session import Session
from rorpost_gateway.smtp_client.timeouts import Timeouts
from rorpost_gateway.smtp_client.tls import client_context
from rorpost_gateway.smtp_client.verdict import AttemptEnded

# Looking through a message this large is felt by everybody else on the event loop.
_LARGE_OCTETS = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """How long a connection is kept, and when it is asked whether it still lives."""

    idle_seconds: float = 20
    probe_after_seconds: float = 1
    messages: int = 100


class SmtpClient:
    """Sends to any route; see `base.Client`."""

    def __init__(self, *, timeouts: Timeouts | None = None, reuse: Reuse | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._reuse = reuse or Reuse()
        self._pools: dict[Route, _Pool] = {}

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        unfit = await _unfit(outgoing, route)
        if unfit is not None:
            return unfit
        if route not in self._pools:
            self._pools[route] = _Pool(route, self._timeouts, self._reuse)
        return await self._pools[route].send(outgoing)

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close()


async def _unfit(outgoing: Outgoing, route: Route) -> Failed | None:
    if len(outgoing.octets) > _LARGE_OCTETS:
        return await asyncio.to_thread(transaction.unfit, outgoing, route)
    return transaction.unfit(outgoing, route)


class _Pool:
    def __init__(self, route: Route, timeouts: Timeouts, reuse: Reuse) -> None:
        self._route = route
        self._timeouts = timeouts
        self._reuse = reuse
        self._slots = asyncio.Semaphore(route.connections)
        self._idle: dict[Session, asyncio.TimerHandle] = {}
        self._leaving: dict[Session, asyncio.Task[None]] = {}
        self._context: ssl.SSLContext | None = None
        self._context_made = False

    async def send(self, outgoing: Outgoing) -> Attempt:
        async with self._slots:
            session: Session | None = None
            try:
                async with asyncio.timeout(self._timeouts.attempt_seconds):
                    session = await self._reusable()
                    if session is not None:
                        outcome = await self._transact(session, outgoing)
                        if outcome is not None:
                            return outcome
                    session = session_for(self._route, self._timeouts, await self._tls_context())
                    return await self._first(session, outgoing)
            except TimeoutError:
                return verdict.silent(self._route.next_hop, session.step if session else "the connection")
            except AttemptEnded as ended:
                return ended.outcome
            finally:
                if session is not None and session not in self._idle and session not in self._leaving:
                    session.abort()

    async def close(self) -> None:
        for session in list(self._idle):
            self._farewell(session)
        if self._leaving:
            await asyncio.wait(self._leaving.values())

    async def _first(self, session: Session, outgoing: Outgoing) -> Attempt:
        await session.open()
        outcome = await self._transact(session, outgoing, fresh=True)
        return outcome if outcome is not None else verdict.cut(self._route.next_hop, "MAIL")

    async def _transact(self, session: Session, outgoing: Outgoing, *, fresh: bool = False) -> Attempt | None:
        """The outcome; None where a reused connection died before anything was said."""
        try:
            outcome: Attempt = await session.transact(outgoing)
        except AttemptEnded as ended:
            if not ended.usable and session.step == "MAIL" and not fresh:
                session.abort()
                return None
            if ended.usable and await session.reset():
                self._keep(session)
            return ended.outcome
        self._keep(session)
        return outcome

    async def _reusable(self) -> Session | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            rested = now - session.idle_since > self._reuse.probe_after_seconds
            if session.connected and (not rested or await session.reset()):
                return session
            session.abort()
        return None

    def _keep(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        session.idle_since = loop.time()
        self._idle[session] = loop.call_later(self._reuse.idle_seconds, self._farewell, session)
        if session.messages >= self._reuse.messages or not session.connected:
            self._farewell(session)

    def _farewell(self, session: Session) -> None:
        self._idle.pop(session).cancel()
        task = asyncio.create_task(session.quit())
        self._leaving[session] = task
        task.add_done_callback(lambda _: self._leaving.pop(session))

    async def _tls_context(self) -> ssl.SSLContext | None:
        if not self._context_made:
            try:
                self._context = await asyncio.to_thread(client_context, self._route)
            except OSError:
                text = f"the file of authorities for {self._route.next_hop} cannot be used"
                fault = Deferred(reply=verdict.own_line("4.3.5", text), next_hop=self._route.next_hop)
                raise AttemptEnded(fault) from None
            self._context_made = True
        return self._context
