"""A few paths over HTTP, safe with whoever connects: pages (GET, HEAD), and paths that take a body (POST).

One request a connection; its header and body are bounded in octets, its exchange in seconds,
connections in number. What is over a bound is cut off, and nothing waits for it. A path that
fails is a 500 without a word of why. There is no login.

RFC 9110, RFC 9112.
"""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import h11
import structlog

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer, Headers, error, octets

_READ_OCTETS = 4096
_BACKLOG = 64
_PAGE_METHODS = frozenset({b"GET", b"HEAD"})
_VERSIONS = frozenset({b"1.0", b"1.1"})
log = structlog.get_logger()

Page = Callable[[], Awaitable[Answer]]
Taker = Callable[[bytes], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    connections: int = 32
    header_octets: int = 8192
    body_octets: int = 65536  # of what a POST brings
    request_seconds: float = 5.0  # from the connection to the end of the request
    exchange_seconds: float = 20.0  # from the connection to the last octet of the answer


class _BodyTooLarge(Exception):
    """A body of more octets than the limit."""


@dataclass(frozen=True, kw_only=True)
class _Said:
    answer: Answer
    without_body: bool = False
    more: Headers = ()


class HttpServer:
    """Serves `pages` and `takers` by path at one address, `host:port` with IPv6 hosts in brackets.

    With `tls` there is nothing but TLS at that address. `name` stands in the operator's log.
    """

    def __init__(
        self,
        listen: str,
        pages: Mapping[str, Page],
        *,
        takers: Mapping[str, Taker] | None = None,
        limits: HttpLimits | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "metrics",
    ) -> None:
        host, _, port = listen.rpartition(":")
        self._endpoint = host.strip("[]"), int(port)
        self._pages = {path.encode("ascii"): page for path, page in pages.items()}
        self._takers = {path.encode("ascii"): taker for path, taker in (takers or {}).items()}
        self._limits = limits or HttpLimits()
        self._tls = tls
        self._name = name
        self._server: asyncio.Server | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind. Raises ConfigurationInvalid."""
        host, port = self._endpoint
        try:
            self._server = await asyncio.start_server(
                self._connected,
                host,
                port,
                limit=self._limits.header_octets,
                backlog=_BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=self._limits.request_seconds if self._tls else None,
            )
        except OSError as fault:
            cause = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else "no such address"
            raise ConfigurationInvalid(f"cannot listen on {host} port {port}: {cause}") from fault

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and real port; None where nothing is bound."""
        if self._server is None or not self._server.sockets:
            return None
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    @property
    def open_connections(self) -> int:
        return len(self._exchanges)

    async def until_idle(self) -> None:
        """Until what is in hand now has ended."""
        if self._exchanges:
            await asyncio.wait(self._exchanges)

    async def close(self) -> None:
        """Accept nothing more and cut off what is in hand. Idempotent."""
        if self._server is not None:
            self._server.close()
        for task in self._exchanges:
            task.cancel()
        await self.until_idle()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._exchanges) >= self._limits.connections:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._exchange(reader, writer), name=self._name)
        self._exchanges.add(task)
        task.add_done_callback(partial(self._ended, writer))

    def _ended(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        # Whatever came of it, even where it never began: no octet is waited for any longer.
        writer.transport.abort()
        self._exchanges.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.header_octets)
        with suppress(TimeoutError, OSError, h11.ProtocolError):
            async with asyncio.timeout(self._limits.exchange_seconds):
                said = await self._answer(connection, reader, writer)
                writer.write(octets(connection, said.answer, without_body=said.without_body, more=said.more))
                await writer.drain()
                writer.close()
                await writer.wait_closed()

    async def _answer(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> _Said:
        """The answer to the one request.

        Raises TimeoutError, OSError, and h11.LocalProtocolError where nobody is left to answer.
        """
        taker, body = None, b""
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                request = await _read_request(connection, reader)
                taker = self._takers.get(_path(request))
                if taker is not None and request.method == b"POST":
                    body = await _read_body(connection, reader, writer, self._limits.body_octets)
        except h11.RemoteProtocolError as fault:
            return _Said(answer=error(fault.error_status_hint))
        except _BodyTooLarge:
            return _Said(answer=error(413))
        if request.http_version not in _VERSIONS:
            return _Said(answer=error(505))
        if taker is not None and request.method == b"POST":
            return _Said(answer=await self._made_by(partial(taker, body)))
        if taker is not None or request.method not in _PAGE_METHODS:
            return self._another_method(request, taken=taker is not None)
        return _Said(answer=await self._page(request), without_body=request.method == b"HEAD")

    def _another_method(self, request: h11.Request, *, taken: bool) -> _Said:
        if self._takers and not taken and _path(request) not in self._pages:
            return _Said(answer=error(404))
        return _Said(answer=error(405), more=(("Allow", "POST" if taken else "GET, HEAD"),))

    async def _page(self, request: h11.Request) -> Answer:
        page = self._pages.get(_path(request))
        return error(404) if page is None else await self._made_by(page)

    async def _made_by(self, make: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await make()
        except Exception as fault:  # noqa: BLE001 - a page must not take the program with it
            log.error("http-page-failed", server=self._name, error=fault)
            return error(500)


def _path(request: h11.Request) -> bytes:
    return request.target.partition(b"?")[0]


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """Raises h11.RemoteProtocolError for what is no request, ConnectionError where none comes."""
    event = await _next_event(connection, reader)
    if not isinstance(event, h11.Request):
        raise ConnectionError("the client went away")
    return event


async def _read_body(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most_octets: int
) -> bytes:
    """All of it. Raises _BodyTooLarge, h11.RemoteProtocolError, ConnectionError."""
    if connection.they_are_waiting_for_100_continue:
        writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
    body = bytearray()
    while not isinstance(event := await _next_event(connection, reader), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            raise ConnectionError("the client went away")
        body += event.data
        if len(body) > most_octets:
            raise _BodyTooLarge
    return bytes(body)


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    """The next event that is one, or h11's word that there are none."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_READ_OCTETS))
    return event
