"""A way to a real server that breaks off at a moment: what the server has done by then, it has done."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_CHUNK_OCTETS = 65_536


@contextlib.asynccontextmanager
async def cutting_before(said: bytes, *, port: int) -> AsyncIterator[int]:
    """A port of 127.0.0.1 that leads to `port`; from the line with `said` on, the client hears nothing."""

    async def lead(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port, limit=_CHUNK_OCTETS * 4)
        onwards = asyncio.create_task(_pump(from_client, to_server))
        try:
            while (line := await from_server.readline()) and said not in line:
                to_client.write(line)
        finally:
            onwards.cancel()
            for end in (to_client, to_server):
                end.transport.abort()

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while octets := await source.read(_CHUNK_OCTETS):
            target.write(octets)
            await target.drain()
