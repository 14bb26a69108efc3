"""From nothing to a protected, greeted connection. No secret is known here.

Invariants: certificate and host name are always verified; STARTTLS is the first thing said, and a
server that cannot is left; without TLS nothing goes to anything but a loopback address.

RFC 8314; RFC 2595, sections 2 and 3; RFC 9525 (the host name in the certificate).
"""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import cast

from rorpost_gateway.imap.answers import capabilities_of
from rorpost_gateway.imap.base import ImapTls, ImapUnavailable, Server
from rorpost_gateway.imap.protocol import ImapProtocol

CLOSE_SECONDS = 1.0
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))  # a line that went dead shows


class Authorities:
    """TLS contexts, one a file of authorities; made anew when the file has changed."""

    def __init__(self) -> None:
        self._contexts: dict[Path | None, tuple[object, ssl.SSLContext]] = {}

    async def context(self, server: Server) -> ssl.SSLContext | None:
        """None where TLS is off. Raises ImapUnavailable."""
        if server.tls is ImapTls.OFF:
            return None
        try:
            return await asyncio.to_thread(self._context, server.ca)
        except (OSError, ValueError):
            fault = f"{server.name}: the file of authorities cannot be used"
            raise ImapUnavailable(fault, private=f"{fault}: {server.ca}") from None

    def _context(self, ca: Path | None) -> ssl.SSLContext:
        stamp: object = None
        if ca is not None:
            found = ca.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
        known = self._contexts.get(ca)
        if known is None or known[0] != stamp:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            known = self._contexts[ca] = stamp, context
        return known[1]


async def connect(
    protocol: ImapProtocol, server: Server, context: ssl.SSLContext | None, *, timeout_seconds: float
) -> None:
    """Raises ImapUnavailable."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await _connect(protocol, server, context)
        greeting = await protocol.greeted()
        if context is not None and server.tls is ImapTls.STARTTLS:
            await _start_tls(protocol, server, context, timeout_seconds)
        elif greeting.code == "CAPABILITY":
            protocol.capabilities = capabilities_of(greeting.rest)
    except TimeoutError:
        raise ImapUnavailable(f"{server.name}: no connection in time") from None
    except ssl.SSLError as error:
        cause = getattr(error, "verify_message", "") or error.reason or "fault"
        raise ImapUnavailable(f"{server.name}: TLS: {cause}") from None
    except socket.gaierror:
        raise ImapUnavailable(f"{server.name}: no such host") from None
    except OSError as error:
        raise ImapUnavailable(f"{server.name}: {error.strerror or 'no connection'}") from None


async def _connect(protocol: ImapProtocol, server: Server, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    implicit = context if server.tls is ImapTls.IMPLICIT else None
    transport, _ = await loop.create_connection(lambda: protocol, server.host, server.port, ssl=implicit)
    if server.tls is ImapTls.OFF and not _is_loopback(transport):
        raise ImapUnavailable(f"{server.name}: without TLS only a loopback address is spoken with")
    _keep_alive(transport)


def _is_loopback(transport: asyncio.Transport) -> bool:
    peer = transport.get_extra_info("peername")
    try:
        return ipaddress.ip_address(peer[0]).is_loopback
    except (TypeError, ValueError, IndexError):
        return False


def _keep_alive(transport: asyncio.Transport) -> None:
    found = cast("socket.socket", transport.get_extra_info("socket"))
    with suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _start_tls(
    protocol: ImapProtocol, server: Server, context: ssl.SSLContext, timeout_seconds: float
) -> None:
    status = await protocol.command("STARTTLS")
    if not status.ok:
        raise ImapUnavailable(f"{server.name}: the server does not take STARTTLS")
    if protocol.fault is not None:
        raise protocol.fault
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_seconds):
            transport = await loop.start_tls(
                protocol.transport, protocol, context, server_hostname=server.host
            )
    except BaseException:
        # The transport has another protocol by now, and would not tell ours.
        protocol.transport.abort()
        protocol.connection_lost(None)
        raise
    if transport is None:
        raise ImapUnavailable(f"{server.name}: the connection was cut")
    protocol.turned_to_tls(transport)
