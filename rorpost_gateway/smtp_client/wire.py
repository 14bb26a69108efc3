"""An open connection to a next hop: lines out, replies in, in the order in which they were asked for.

Replies are taken as they come, several in one piece or one in several, so that commands
may be pipelined. What was not asked for is not forgotten either: a connection that holds
anything unread is of no further use, since the next answer would be mistaken for another's.

RFC 5321, sections 4.2 (replies) and 4.5.3.1.5 (their length); RFC 2920.
"""

import asyncio
from collections import deque
from typing import NamedTuple, cast

LINE_OCTETS = 8192  # RFC 5321 has 512; servers that say more are understood
REPLY_OCTETS = 4 * LINE_OCTETS
_BEGINNING = b"250-"  # of a line: one without a text counts too
REPLIES = 16  # that nobody has read yet; the longest group of commands is three


class Reply(NamedTuple):
    """`code` is 200 to 599; `text` has a line feed between lines."""

    code: int
    text: str


class Unreadable(Exception):
    """What came is no reply; nothing after it can be one."""


class Wire(asyncio.Protocol):
    """For one task at a time. Bounded: what a next hop says unasked ends it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._replies: deque[Reply] = deque()
        self._lines: list[bytes] = []  # of the reply that has begun
        self._rest = b""  # of the line that has begun
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    @property
    def clean(self) -> bool:
        """Whether it is open and nothing is unread."""
        unread = self._replies or self._lines or self._rest
        return self._fault is None and not unread and not self._transport.is_closing()

    @property
    def answered(self) -> bool:
        """Whether a reply is there, or none can come any more."""
        return bool(self._replies) or self._fault is not None

    @property
    def has_room(self) -> bool:
        """Whether writing more would not pile up in memory."""
        return self._room.is_set()

    def write(self, octets: bytes) -> None:
        """Raises ConnectionError where the connection is gone."""
        if self._fault is not None or self._transport.is_closing():
            raise ConnectionResetError("the connection is gone")
        self._transport.write(octets)

    async def drain(self) -> None:
        """Wait until there is room for more. Raises ConnectionError."""
        await self._room.wait()
        if isinstance(self._fault, ConnectionError):
            raise self._fault

    async def reply(self, timeout_seconds: float) -> Reply:
        """The next reply. Raises Unreadable, TimeoutError, ConnectionError."""
        if not self.answered:
            await self._wait(timeout_seconds)
        if self._replies:
            return self._replies.popleft()
        raise self._fault or TimeoutError

    async def _wait(self, timeout_seconds: float) -> None:
        # A plain timer costs a fraction of asyncio.timeout, and this is done for every command.
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout_seconds, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, fault: Exception) -> None:
        self._fault = self._fault or fault
        self._room.set()
        self._wake()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not all(map(self._take, lines)) or self._is_endless():
            self._end(Unreadable())
            self._transport.abort()
        if self._replies:
            self._wake()

    def eof_received(self) -> bool:
        return False  # closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc if isinstance(exc, ConnectionError) else ConnectionResetError("closed"))

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _is_endless(self) -> bool:
        begun = len(self._rest) + sum(len(_BEGINNING) + len(line) for line in self._lines)
        return begun > REPLY_OCTETS or len(self._replies) > REPLIES

    def _take(self, line: bytes) -> bool:
        """Whether it is a line of a reply."""
        if len(line) > LINE_OCTETS or not (line[:3].isdigit() and line[:1] in b"2345"):
            return False
        if line[3:4].isdigit():
            return False
        self._lines.append(line[4:].strip(b" \t\r"))
        if line[3:4] != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "surrogateescape")
            self._replies.append(Reply(int(line[:3]), text))
            self._lines.clear()
        return True
