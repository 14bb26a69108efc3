"""A port of loopback that leads to another until it is cut: both sides see the connection reset.

It runs on the test's own event loop, so that a test knows what has gone through when it cuts.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_CHUNK_OCTETS = 65536


class CutLine:
    """`cut_line` makes it."""

    def __init__(self) -> None:
        self.port = 0
        self._heard = 0  # octets from the server since the last cut_after
        self._most: int | None = None
        self._tail = b""
        self._news = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def cut_after(self, *, octets: int) -> None:
        """Cut once the server has said as much more."""
        self._heard, self._most = 0, octets

    async def heard(self, text: bytes) -> None:
        """Wait until the server has said it, in the clear."""
        async with self._news:
            await self._news.wait_for(lambda: text in self._tail)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """One connection, to its end."""
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        ends = {writer, to_writer}
        self._writers |= ends
        back = asyncio.ensure_future(self._pump(to_reader, writer, listening=True))
        self._tasks.add(back)
        try:
            with contextlib.suppress(OSError):
                await self._pump(reader, to_writer, listening=False)
                await back
        finally:
            back.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await back
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, listening: bool
    ) -> None:
        while octets := await source.read(_CHUNK_OCTETS):
            if listening:
                await self._listen(octets)
            target.write(octets)
            await target.drain()
        target.write_eof()

    async def _listen(self, octets: bytes) -> None:
        self._heard += len(octets)
        if self._most is not None and self._heard > self._most:
            self.cut()
        async with self._news:
            self._tail = (self._tail + octets)[-_CHUNK_OCTETS:]
            self._news.notify_all()


@contextlib.asynccontextmanager
async def cut_line(port: int) -> AsyncIterator[CutLine]:
    """A way to 127.0.0.1:`port`; gone afterwards, with what goes through it."""
    line = CutLine()
    carrying: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(line.carry(reader, writer, port))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        await server.wait_closed()
