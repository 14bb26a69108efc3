"""A server that reads messages and throws them away: `python -m tests.bench.reading_server ours|aiosmtpd`.

Prints its port. Both run on asyncio's own event loop, without TLS.
"""

import asyncio
import sys

from aiosmtpd.smtp import SMTP

from rorpost_gateway.envelope import Client, ReversePath
from rorpost_gateway.reply import Reply
from rorpost_gateway.smtp.listener import Listener, ListenerSettings, TlsMode
from tests.dialogs.receiver import RoteReceiver, RoteTransaction

_MOST_OCTETS = 36_700_160


class _Reading(RoteReceiver):
    """Takes everything and keeps nothing."""

    async def begin(self, client: Client, path: ReversePath) -> "_Taking":
        return _Taking(self, client, path)


class _Taking(RoteTransaction):
    async def message(self, octets: bytes) -> Reply:
        return Reply(code=250, enhanced="2.0.0", text="OK")


class _Discarding:
    """aiosmtpd's handler interface."""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        return "250 2.0.0 OK"


async def _ours() -> int:
    settings = ListenerSettings(listen=("127.0.0.1:0",), hostname="gw.motala.se", tls=TlsMode.OFF, auth=False)
    listener = Listener(settings, _Reading())
    await listener.start()
    return listener.addresses[0][1]


async def _aiosmtpd() -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Discarding(), data_size_limit=_MOST_OCTETS, loop=loop), "127.0.0.1", 0
    )
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _serve(which: str) -> None:
    port = await (_ours() if which == "ours" else _aiosmtpd())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
