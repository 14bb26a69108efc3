"""A few pages over plain HTTP for a monitoring system, safe with whoever else connects.

One request a connection, GET or HEAD, no body; its header is bounded in octets, its exchange in
seconds, connections in number. What is over a bound is cut off, and nothing waits for it. A page
that fails is a 500 without a word of why. There is no TLS and no login: listen on loopback, or on
an address that only the monitoring system reaches.

RFC 9110, RFC 9112.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

import h11
import structlog

from rorpost_gateway.errors import ConfigurationInvalid

_READ_OCTETS = 4096
_BACKLOG = 64
_METHODS = frozenset({b"GET", b"HEAD"})
_VERSIONS = frozenset({b"1.0", b"1.1"})
PLAIN = "text/plain; charset=utf-8"
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes = field(repr=False)
    status: int = 200
    content_type: str = PLAIN


Page = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    connections: int = 32
    header_octets: int = 8192
    request_seconds: float = 5.0  # from the connection to the end of the request's header
    exchange_seconds: float = 20.0  # from the connection to the last octet of the answer


class HttpServer:
    """Serves `pages` by path at one address, `host:port` with IPv6 hosts in brackets."""

    def __init__(self, listen: str, pages: Mapping[str, Page], *, limits: HttpLimits | None = None) -> None:
        host, _, port = listen.rpartition(":")
        self._endpoint = host.strip("[]"), int(port)
        self._pages = {path.encode("ascii"): page for path, page in pages.items()}
        self._limits = limits or HttpLimits()
        self._server: asyncio.Server | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind. Raises ConfigurationInvalid."""
        host, port = self._endpoint
        try:
            self._server = await asyncio.start_server(
                self._connected, host, port, limit=self._limits.header_octets, backlog=_BACKLOG
            )
        except OSError as error:
            cause = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
            raise ConfigurationInvalid(f"cannot listen on {host} port {port}: {cause}") from error

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
        task = asyncio.create_task(self._exchange(reader, writer), name="metrics")
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
                writer.write(_octets(connection, await self._answer(connection, reader)))
                await writer.drain()
                writer.close()
                await writer.wait_closed()

    async def _answer(self, connection: h11.Connection, reader: asyncio.StreamReader) -> "_Said":
        """The answer to the one request.

        Raises TimeoutError, OSError, and h11.LocalProtocolError where nobody is left to answer.
        """
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                request = await _read_request(connection, reader)
        except h11.RemoteProtocolError as error:
            return _Said(answer=_error(error.error_status_hint))
        if request.http_version not in _VERSIONS:
            return _Said(answer=_error(505))
        if request.method not in _METHODS:
            return _Said(answer=_error(405), more=(("Allow", "GET, HEAD"),))
        return _Said(answer=await self._page(request.target), without_body=request.method == b"HEAD")

    async def _page(self, target: bytes) -> Answer:
        page = self._pages.get(target.partition(b"?")[0])
        if page is None:
            return _error(404)
        try:
            return await page()
        except Exception as error:  # noqa: BLE001 - a page must not take the daemon with it
            log.error("metrics-page-failed", error=error)
            return _error(500)


@dataclass(frozen=True, kw_only=True)
class _Said:
    answer: Answer
    without_body: bool = False
    more: tuple[tuple[str, str], ...] = ()  # header fields


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """Raises h11.RemoteProtocolError for what is no request, ConnectionError where none comes."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise ConnectionError("the client went away")
        connection.receive_data(await reader.read(_READ_OCTETS))


_WORDS = {
    400: b"bad request\n",
    404: b"there is /metrics, /healthz and /readyz\n",
    405: b"GET and HEAD only\n",
    431: b"the header is too large\n",
    500: b"fault\n",
    501: b"not offered here\n",
    505: b"HTTP/1.0 and HTTP/1.1 only\n",
}


def _error(status: int) -> Answer:
    known = status if status in _WORDS else 400
    return Answer(status=known, body=_WORDS[known])


def _octets(connection: h11.Connection, said: _Said) -> bytes:
    answer = said.answer
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *said.more,
    ]
    body = [] if said.without_body else [h11.Data(data=answer.body)]
    begin = h11.Response(
        status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase.encode("ascii")
    )
    events = [begin, *body, h11.EndOfMessage()]
    return b"".join(connection.send(event) or b"" for event in events)
