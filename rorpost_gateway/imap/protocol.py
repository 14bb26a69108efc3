"""One connection: a command at a time, its answers of any length, and an end to everything.

Of aioimaplib are kept: the connection's states and the table of which command may be sent in which,
the tags, and the refusal of CR, LF and NUL in arguments. Its reading of responses, its waiting, its
sending and its logging (which writes whole messages at DEBUG) are replaced.

Invariants: a fault is the connection's last (whoever waits is told at once, whoever comes later is
told the same); nothing a server sends is kept beyond the bounds of the command in hand; a command
ends after a bounded silence and, however slowly octets drip, after a bounded time.

RFC 3501; RFC 7888 (literals without waiting); RFC 2595 (nothing said before TLS counts after it).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from aioimaplib import aioimaplib

from rorpost_gateway.imap.answers import Status, Untagged, read_status, read_untagged
from rorpost_gateway.imap.base import ImapError, ImapRefused, ImapTooLarge, ImapUnavailable
from rorpost_gateway.imap.command_line import Piece, pieces
from rorpost_gateway.imap.framing import Bounds, Excessive, Framer, Response
from rorpost_gateway.imap.patience import Patience
from rorpost_gateway.imap.tokens import Unreadable

_WRITE_OCTETS = 64 * 1024
LONG = 4  # times the usual patience, for what a server has to work on
CONNECTED, NONAUTH, AUTH, SELECTED, LOGOUT = (
    aioimaplib.CONNECTED,
    aioimaplib.NONAUTH,
    aioimaplib.AUTH,
    aioimaplib.SELECTED,
    aioimaplib.LOGOUT,
)

# It writes commands, secrets among them, and whole messages. Nothing of ours calls what does; this
# holds even where logging is configured anew.
logging.getLogger(aioimaplib.__name__).addFilter(lambda _record: False)

Take = Callable[[Untagged], None]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _ignore(_: Untagged) -> None:
    return


class ImapProtocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """`name` is the server's, for texts. `heard` sees every untagged response, whoever asked."""

    def __init__(self, name: str, *, timeout_seconds: float, heard: Take = _ignore) -> None:
        super().__init__(None)
        self.name = name
        self.heard = heard
        self.capabilities: frozenset[str] = frozenset()
        self.greeting: Status | None = None
        self._timeout_seconds = timeout_seconds
        self._framer = Framer()
        self._fault: ImapError | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = asyncio.Event()
        self._only_tls_next = False
        self._tag = ""
        self._name = ""
        self._take: Take = _ignore
        self._continuations: deque[bytes] = deque()
        self._answer: Status | None = None
        self._patience = Patience(timeout_seconds, 0)

    # What whoever speaks calls

    @property
    def fault(self) -> ImapError | None:
        """Why the connection is of no more use."""
        return self._fault

    @property
    def is_answered(self) -> bool:
        """Whether the command in hand has its status already."""
        return self._answer is not None

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    async def greeted(self) -> Status:
        """The server's greeting. Raises ImapUnavailable."""
        self._start(Bounds(), patience=1)
        await self._until(lambda: self.greeting is not None)
        return cast("Status", self.greeting)

    async def command(
        self,
        name: str,
        *args: str | bytes,
        prefix: str = "",
        take: Take = _ignore,
        bounds: Bounds | None = None,
        patience: float = 1,
    ) -> Status:
        """Send a command and hear its answer. Octets among `args` go as literals.

        `take` is given the untagged responses. Raises ImapUnavailable, ImapTooLarge, and
        ImapRefused for what may not be sent in this state.
        """
        self.begin(name, take=take, bounds=bounds, patience=patience)
        try:
            await self._send(self._pieces(prefix, args))
            return await self.answered()
        except asyncio.CancelledError:
            self.end(ImapUnavailable(f"{self.name}: {name} was given up"))
            raise

    def begin(
        self, name: str, *, take: Take = _ignore, bounds: Bounds | None = None, patience: float = 1
    ) -> None:
        """A command is about to be sent."""
        if self._fault is not None:
            raise self._fault
        if self.state not in aioimaplib.Commands[name].valid_states:
            raise ImapRefused(f"{self.name}: {name} cannot be sent in state {self.state}")
        self._tag, self._name, self._take, self._answer = self.new_tag(), name, take, None
        self._continuations.clear()
        self._start(bounds or Bounds(), patience=patience)

    async def answered(self) -> Status:
        """The status of the command in hand. Raises as `command`."""
        await self._until(lambda: self._answer is not None)
        self._tag, self._take = "", _ignore
        return cast("Status", self._answer)

    async def invited(self) -> bytes | None:
        """The text of a continuation; None where the command was answered instead."""
        await self._until(lambda: bool(self._continuations) or self._answer is not None)
        return self._continuations.popleft() if self._continuations else None

    async def send_line(self, *words: str) -> None:
        """The command that `begin` began, without literals. Raises ImapUnavailable."""
        await self._send(self._pieces("", words))

    async def write(self, octets: bytes) -> None:
        """Raises ImapUnavailable."""
        for start in range(0, len(octets), _WRITE_OCTETS):
            if self._fault is not None:
                raise self._fault
            piece = octets[start : start + _WRITE_OCTETS]
            self.transport.write(piece)
            await self._until(self._room.is_set)
            self._patience.moved(len(piece), _now())

    async def until_news(self, seconds: float, happened: Callable[[], bool]) -> bool:
        """Whether it happened within that time; what is waited for afterwards has its own time.

        Raises ImapUnavailable as soon as the connection ends.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._wait(happened)
        except TimeoutError:
            return False
        finally:
            self._patience.begin_again(_now())
        return True

    def turned_to_tls(self, transport: asyncio.Transport) -> None:
        """From here on, everything comes by TLS; nothing heard before counts."""
        self.transport = transport
        self._framer = Framer()
        self._only_tls_next = False
        self.capabilities = frozenset()

    def end(self, fault: ImapError) -> None:
        """The connection is of no more use."""
        self._fault = self._fault or fault
        self._news.set()
        if self.state == aioimaplib.STARTED:
            self._closed.set()
        else:
            self.transport.abort()

    async def closed(self, seconds: float) -> None:
        """Until the socket is closed, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    # Sending

    def _pieces(self, prefix: str, args: Sequence[str | bytes]) -> list[Piece]:
        """Raises ImapRefused for an argument that would be a command of its own."""
        try:
            aioimaplib.Command(self._name, self._tag, *(arg for arg in args if isinstance(arg, str)))
        except ValueError:
            self._tag = ""
            raise ImapRefused(f"{self.name}: {self._name} cannot hold a line end") from None
        return pieces(f"{self._tag} {prefix}{self._name}", args, self.capabilities)

    async def _send(self, wanted: list[Piece]) -> None:
        together = b""
        for piece in wanted:
            if len(piece.octets) > _WRITE_OCTETS:
                await self.write(together)
                await self.write(piece.octets)
                together = b""
                continue
            together += piece.octets
            if piece.waits:
                await self.write(together)
                together = b""
                if await self.invited() is None:
                    return
        await self.write(together)

    # Waiting

    def _start(self, bounds: Bounds, *, patience: float) -> None:
        self._framer.begin(bounds)
        self._patience = Patience(self._timeout_seconds * patience, _now())

    async def _until(self, happened: Callable[[], bool]) -> None:
        while True:
            try:
                async with asyncio.timeout_at(self._patience.due):
                    return await self._wait(happened)
            except TimeoutError:
                if self._patience.due <= _now():
                    self.end(ImapUnavailable(f"{self.name}: no answer in time"))

    async def _wait(self, happened: Callable[[], bool]) -> None:
        while not happened():
            if self._fault is not None:
                raise self._fault
            self._news.clear()
            await self._news.wait()

    # What the transport calls

    def data_received(self, d: bytes) -> None:
        if self._fault is not None:
            return
        self._patience.moved(len(d), _now())
        try:
            for response in self._framer.feed(d):
                self._respond(response)
            self._nothing_in_clear()
        except Excessive:
            self.end(ImapTooLarge(f"{self.name}: the server sends more than was asked for"))
        except Unreadable:
            self.end(ImapUnavailable(f"{self.name}: the server's answer cannot be understood"))

    def eof_received(self) -> bool:
        return False  # closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._fault = self._fault or ImapUnavailable(f"{self.name}: the connection was cut")
        self._room.set()
        self._closed.set()
        self._news.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()
        self._news.set()

    def _respond(self, response: Response) -> None:
        """Raises Unreadable."""
        self._nothing_in_clear(response)
        first = response[0]
        if self.state == CONNECTED:
            self._greet(first)
        elif first.startswith(b"* "):
            self._hear(read_untagged(response))
        elif first.startswith(b"+"):
            self._invite(first)
        elif self._tag and first.startswith(self._tag.encode("ascii") + b" "):
            self._close(first[len(self._tag) + 1 :])
        else:
            raise Unreadable

    def _nothing_in_clear(self, response: Response | None = None) -> None:
        """Between the answer to STARTTLS and TLS nothing may come: somebody in the middle put it there."""
        if self._only_tls_next and (response is not None or not self._framer.between_responses):
            raise Unreadable

    def _greet(self, line: bytes) -> None:
        status = read_status(line.removeprefix(b"* "))
        if not line.startswith(b"* ") or status is None:
            raise Unreadable
        if status.status != "OK":
            self.end(ImapUnavailable(f"{self.name}: the server does not want to speak with us"))
        self.state = NONAUTH
        self.greeting = status
        self._news.set()

    def _hear(self, untagged: Untagged) -> None:
        if untagged.kind == "BYE" and self._name != "LOGOUT":
            self.end(ImapUnavailable(f"{self.name}: the server said goodbye"))
            return
        self.heard(untagged)
        if self._tag:
            self._take(untagged)
        if self._name == "IDLE":
            self._news.set()

    def _invite(self, line: bytes) -> None:
        if not self._tag or len(self._continuations) > 1:
            raise Unreadable
        self._continuations.append(line[1:].strip())
        self._news.set()

    def _close(self, text: bytes) -> None:
        status = read_status(text)
        if status is None or status.status not in {"OK", "NO", "BAD"} or self._answer is not None:
            raise Unreadable
        self._answer = status
        self._only_tls_next = self._name == "STARTTLS" and status.ok
        self._news.set()
