"""A port of loopback that leads to wherever the other side listens now.

Two gateways are each other's next hop, and listen on ports that differ from run to
run: each is told a tube's port, which stays. A tube can be shut, so that nobody is
there, and keeps what went through it: all of it is what an eavesdropper would see.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

BOUND_SECONDS = 20
_CHUNK_OCTETS = 65536
Place = tuple[str, int]


class Tube:
    """Open until `close`. `leads_to` is asked at each connection; None: nobody is there."""

    def __init__(self, leads_to: Callable[[], Place | None]) -> None:
        self.leads_to = leads_to
        self.shut = False
        self.connections = 0
        self.octets = bytearray()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tube", daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._call(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._carrying: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(BOUND_SECONDS)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            place = None if self.shut else self.leads_to()
            if place is not None:
                self.connections += 1
                await self._both_ways(reader, writer, place)
        except (OSError, asyncio.CancelledError):
            pass  # one side is gone: so is the other
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

    async def _both_ways(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place
    ) -> None:
        to_reader, to_writer = await asyncio.open_connection(*place)
        back = asyncio.ensure_future(self._pump(to_reader, writer))
        try:
            await self._pump(reader, to_writer)
            await back
        finally:
            back.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await back
            to_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while octets := await source.read(_CHUNK_OCTETS):
            self.octets += octets
            target.write(octets)
            await target.drain()
        target.write_eof()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOUND_SECONDS)
