"""A small SMTP server for faults that a sound one does not produce.

It follows a script: a raw answer for a step, a cut, silence, an endless answer. It
remembers every line it was sent, per connection, so that a test can say what did
*not* go over the wire. Whatever a real server can do is tested against Postfix.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "AUTH PLAIN LOGIN")


@dataclass(kw_only=True)
class Script:
    """`answers` maps a step to raw octets; steps are `greeting`, `message` and the commands."""

    answers: dict[str, bytes] = field(default_factory=dict)
    cut_at: str | None = None
    silent_at: str | None = None
    endless_at: str | None = None
    refuse_half_way: bytes | None = None  # answered after the first octets of the message, then cut
    extensions: tuple[str, ...] = EXTENSIONS
    tls: ssl.SSLContext | None = None  # offered where set
    injected: bytes = b""  # sent in the clear behind the 220 of STARTTLS
    socket: str | None = None  # the path of a Unix socket to listen on, instead of a port


@dataclass(kw_only=True)
class Connection:
    lines: list[str] = field(default_factory=list)  # every line but those of messages
    messages: list[bytes] = field(default_factory=list)  # dots unstuffed
    data_octets: int = 0  # whatever came after a 354
    encrypted: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def verbs(self) -> list[str]:
        return [line.split(" ", 1)[0].partition(":")[0].upper() for line in self.lines]


class Sink:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.port = 0
        self.recovers = False  # whether a new connection finds every answer as usual
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    @property
    def octets_of_messages(self) -> int:
        return sum(connection.data_octets for connection in self.connections)

    @property
    def messages(self) -> list[bytes]:
        return [message for connection in self.connections for message in connection.messages]

    @property
    def verbs(self) -> list[str]:
        return [verb for connection in self.connections for verb in connection.verbs]

    async def start(self) -> None:
        if self.script.socket is not None:
            self._server = await asyncio.start_unix_server(self._serve, self.script.socket)
            return
        self._server = await asyncio.start_server(self._serve, "0.0.0.0", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._over.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self.connections and self.recovers:
            self.script.answers.clear()
        connection = Connection()
        self.connections.append(connection)
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await _Dialogue(self.script, connection, reader, writer, self._over).run()
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            connection.closed.set()


class _HungUp(ConnectionError):
    pass


@dataclass
class _Dialogue:
    script: Script
    connection: Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    over: asyncio.Event

    async def run(self) -> None:
        await self.answer("greeting", b"220 sink.example ESMTP\r\n")
        while line := await self.reader.readline():
            text = line.decode("ascii", "replace").rstrip("\r\n")
            self.connection.lines.append(text)
            verb = text.split(" ", 1)[0].partition(":")[0].upper()
            handler: Callable[[str], Awaitable[None]] = getattr(self, f"on_{verb.lower()}", self.on_other)
            await handler(text)

    async def answer(self, step: str, usual: bytes) -> None:
        if step == self.script.cut_at:
            raise _HungUp
        if step == self.script.silent_at:
            await self.over.wait()
        if step == self.script.endless_at:
            while True:
                await self.send(b"250-" + b"x" * 1000 + b"\r\n")
        await self.send(self.script.answers.get(step, usual))

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def on_lhlo(self, line: str) -> None:
        await self.on_ehlo(line)

    async def on_ehlo(self, line: str) -> None:
        offered = list(self.script.extensions)
        if self.script.tls is not None and not self.connection.encrypted:
            offered.append("STARTTLS")
        lines = ["sink.example", *offered]
        usual = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        await self.answer(line.partition(" ")[0], usual.encode("ascii"))

    async def on_starttls(self, _: str) -> None:
        await self.answer("STARTTLS", b"220 go ahead\r\n" + self.script.injected)
        if self.script.tls is not None and "STARTTLS" not in self.script.answers:
            await self.writer.start_tls(self.script.tls)
            self.connection.encrypted = True

    async def on_auth(self, line: str) -> None:
        if line.upper() == "AUTH LOGIN" and "AUTH" not in self.script.answers:
            for prompt in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                await self.send(prompt)
                self.connection.lines.append((await self.reader.readline()).decode("ascii").rstrip("\r\n"))
        await self.answer("AUTH", b"235 2.7.0 welcome\r\n")

    async def on_mail(self, _: str) -> None:
        await self.answer("MAIL", b"250 2.1.0 ok\r\n")

    async def on_rcpt(self, _: str) -> None:
        await self.answer("RCPT", b"250 2.1.5 ok\r\n")

    async def on_rset(self, _: str) -> None:
        await self.answer("RSET", b"250 2.0.0 ok\r\n")

    async def on_quit(self, _: str) -> None:
        await self.answer("QUIT", b"221 2.0.0 bye\r\n")
        raise _HungUp

    async def on_other(self, line: str) -> None:
        await self.answer(line.split(" ", 1)[0].upper(), b"502 5.5.1 not here\r\n")

    async def on_data(self, _: str) -> None:
        await self.answer("DATA", b"354 go ahead\r\n")
        if not self.script.answers.get("DATA", b"354").startswith(b"354"):
            return
        message = bytearray()
        if self.script.refuse_half_way is not None:
            self.connection.data_octets += len(await self.reader.readexactly(1000))
            await self.send(self.script.refuse_half_way)
            raise _HungUp
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            self.connection.data_octets += len(line)
            message += line[1:] if line.startswith(b".") else line
        self.connection.messages.append(bytes(message))
        await self.answer("message", b"250 2.0.0 Ok: queued as 1A2B3C\r\n")


StartSink = Callable[[Script], Awaitable[Sink]]


@pytest.fixture
async def start_sink() -> AsyncIterator[StartSink]:
    started: list[Sink] = []

    async def start(script: Script) -> Sink:
        sink = Sink(script)
        await sink.start()
        started.append(sink)
        return sink

    yield start
    for sink in started:
        await sink.stop()
