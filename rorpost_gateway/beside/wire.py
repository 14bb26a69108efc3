"""One end of the socket: writes frames, and calls back for each one that arrives."""

import asyncio
from collections.abc import Callable
from typing import cast

from rorpost_gateway.beside.frames import FrameInvalid, Frames, Head, Received, frame


class Wire(asyncio.Protocol):
    """`ended` is called once, when nothing more can arrive."""

    def __init__(self, received: Received, ended: Callable[[], None]) -> None:
        self._received = received
        self._ended = ended
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._room = asyncio.Event()
        self._room.set()

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def room(self) -> None:
        """Until the other end has taken most of what it was sent."""
        await self._room.wait()

    def send(self, head: Head, octets: bytes = b"") -> None:
        """Raises FrameInvalid. Nothing is said where the other end has gone: `ended` is."""
        if self._transport is None:
            return
        first, second = frame(head, octets)
        if len(second) > 64 * 1024:
            self._transport.writelines((first, second))
        else:
            self._transport.write(first + second)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Of either event loop; uvloop's is no subclass.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for head, octets in self._frames.feed(data):
                self._received(head, octets)
        except FrameInvalid:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._room.set()
        self._ended()
