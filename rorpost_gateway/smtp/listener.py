"""A listener: the addresses it is bound to, its sessions, and their orderly end.

TLS mode off is refused on any address that others can reach.
"""

import asyncio
import ipaddress
import os
import time

import structlog

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.smtp.base import Receiver
from rorpost_gateway.smtp.connection import Connection, Shared
from rorpost_gateway.smtp.limits import Budget, Connections
from rorpost_gateway.smtp.pace import Now
from rorpost_gateway.smtp.session import ServerSession
from rorpost_gateway.smtp.settings import ListenerSettings, TlsMode
from rorpost_gateway.smtp.tls import ServerTls
from rorpost_gateway.stages import UNTIMED, Stages

__all__ = ["Budget", "Listener", "ListenerSettings", "TlsMode"]

_BACKLOG = 1024
_log = structlog.get_logger(__name__)


class Listener:
    """Serves every address of `settings.listen`.

    `budget` bounds the octets in flight and may be shared by several listeners; `now` gives seconds
    that only go forward.
    Raises ConfigurationInvalid for addresses, certificate or key that cannot be used.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        receiver: Receiver,
        *,
        budget: Budget | None = None,
        stages: Stages = UNTIMED,
        now: Now = time.monotonic,
    ) -> None:
        self._endpoints = [_endpoint(text, settings.tls) for text in settings.listen]
        self._tls = ServerTls(settings)
        self._shared = Shared(
            settings=settings,
            receiver=receiver,
            tls=self._tls,
            connections=Connections(
                most=settings.connections, most_per_client=settings.connections_per_client
            ),
            budget=budget or Budget(),
            stages=stages,
            now=now,
            opened=self._opened,
            closed=self._closed,
        )
        self._servers: list[asyncio.Server] = []
        self._sessions: set[Connection] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._draining = False

    async def start(self) -> None:
        """Bind every address, or none. Raises ConfigurationInvalid."""
        loop = asyncio.get_running_loop()
        for host, port in self._endpoints:
            try:
                self._servers.append(
                    await loop.create_server(
                        lambda: ServerSession(self._shared), host, port, backlog=_BACKLOG
                    )
                )
            except OSError as error:
                await self.close()
                cause = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
                raise ConfigurationInvalid(f"cannot listen on {host} port {port}: {cause}") from error

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """What is bound: host and real port."""
        names = [socket.getsockname() for server in self._servers for socket in server.sockets]
        return tuple((name[0], name[1]) for name in names)

    @property
    def open_connections(self) -> int:
        return self._shared.connections.open

    def reload_tls(self) -> None:
        """Read certificate and key again, for new sessions.

        Raises ConfigurationInvalid; then the old ones stay in force.
        """
        self._tls.reload()

    async def drain(self, grace_seconds: float) -> int:
        """Take no more connections or commands, finish the messages in hand, close.

        Returns how many sessions had to be cut off after `grace_seconds`.
        """
        self._draining = True
        self._stop_accepting()
        for session in list(self._sessions):
            session.shut_down()
        tasks = [session.task for session in self._sessions]
        late = (await asyncio.wait(tasks, timeout=grace_seconds))[1] if tasks else set()
        if late:
            _log.warning("sessions-cut-off", sessions=len(late))
        await self.close()
        return len(late)

    async def close(self) -> None:
        """End everything now."""
        self._stop_accepting()
        for session in list(self._sessions):
            session.abort()
        await self._none_open.wait()

    def _stop_accepting(self) -> None:
        for server in self._servers:
            server.close()

    def _opened(self, session: Connection) -> None:
        self._sessions.add(session)
        self._none_open.clear()
        if self._draining:
            session.shut_down()

    def _closed(self, session: Connection) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._none_open.set()


def _endpoint(text: str, tls: TlsMode) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationInvalid(f"{text}: not an address of the form host:port")
    if tls is TlsMode.OFF and not _is_loopback(host):
        raise ConfigurationInvalid(f"{text}: TLS may be off on loopback addresses only")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
