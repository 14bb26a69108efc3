"""What has come in on a connection and was not read yet: lines, or chunks of a message.

The transport pushes, a session pulls, and a peer that pushes faster than the
session pulls is made to wait. `interrupt` ends the wait for a command line only:
a message on its way in is not disturbed.
"""

import asyncio

_HIGH_OCTETS = 131_072
_LOW_OCTETS = 32_768


class Ended(Exception):
    """The peer will send no more, or cannot be reached any more."""


class Interrupted(Exception):
    """The gateway is shutting down; no new command is read."""


class IdleTooLong(Exception):
    """Nothing came within the time allowed."""


class LineTooLong(Exception):
    """A line over the limit; it has been read past."""


class Incoming:
    """The buffer of one connection. One reader at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.ReadTransport | None = None
        self._paused = False
        self._ended = False
        self._interrupted = False
        self._waiter: asyncio.Future[None] | None = None

    def attach(self, transport: asyncio.ReadTransport) -> None:
        """Read from this transport from now on."""
        self._transport = transport

    def feed(self, octets: bytes) -> None:
        self._buffer += octets
        if len(self._buffer) > _HIGH_OCTETS and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def feed_end(self) -> None:
        self._ended = True
        self._wake()

    def interrupt(self) -> None:
        self._interrupted = True
        self._wake()

    def hold_and_discard(self) -> bytes:
        """Read no more from the old transport and forget what came by it, which is returned.

        After STARTTLS nothing that was sent in clear text may count (RFC 3207, section 4.2).
        Once this was called, what comes is from the new transport, perhaps before `attach`.
        """
        if self._transport is not None:
            self._transport.pause_reading()
            self._transport = None
        self._paused = False
        octets, self._buffer = bytes(self._buffer), bytearray()
        return octets

    def has_line(self) -> bool:
        return b"\n" in self._buffer

    def put_back(self, octets: bytes) -> None:
        """What was read too far comes first again."""
        self._buffer[:0] = octets

    async def line(self, *, limit_octets: int, timeout_seconds: float) -> bytes:
        """One line with its line feed.

        Raises LineTooLong, Ended, Interrupted, IdleTooLong.
        """
        try:
            async with asyncio.timeout(None if self.has_line() else timeout_seconds):
                return await self._line(limit_octets)
        except TimeoutError:
            raise IdleTooLong from None

    async def _line(self, limit_octets: int) -> bytes:
        too_long = False
        while True:
            if self._interrupted:
                raise Interrupted
            end = self._buffer.find(b"\n") + 1
            if end:
                line = bytes(self._buffer[:end])
                del self._buffer[:end]
                self._relieve()
                if too_long or end > limit_octets:
                    raise LineTooLong
                return line
            if len(self._buffer) > limit_octets:
                too_long = True
                self._buffer.clear()
                self._relieve()
            await self._more()

    async def chunk(self, *, timeout_seconds: float) -> bytearray:
        """Whatever there is, at least one octet. Raises Ended, IdleTooLong."""
        try:
            async with asyncio.timeout(None if self._buffer else timeout_seconds):
                while not self._buffer:
                    await self._more()
        except TimeoutError:
            raise IdleTooLong from None
        octets, self._buffer = self._buffer, bytearray()
        self._relieve()
        return octets

    async def _more(self) -> None:
        if self._ended:
            raise Ended
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _relieve(self) -> None:
        if self._paused and len(self._buffer) <= _LOW_OCTETS and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
