"""The client's end of a connection, octet by octet: what a well-behaved library would not send.

TLS runs over memory BIOs, so that a handshake can start on any octet and the
TCP connection can be half closed under it.
"""

import asyncio
import socket
import ssl
import struct

PATIENCE_SECONDS = 10.0


class Closed(Exception):
    """The server has closed the connection."""


class Wire:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._received = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()

    @classmethod
    async def connect(cls, host: str, port: int) -> "Wire":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, (host, port))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    @property
    def secured(self) -> bool:
        return self._tls is not None

    async def start_tls(self, context: ssl.SSLContext, hostname: str = "localhost") -> None:
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=hostname)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    await self._push_out()
                    await self._pull_in()
                else:
                    await self._push_out()
                    return

    async def send(self, octets: bytes) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            if self._tls is None:
                await asyncio.get_running_loop().sock_sendall(self._socket, octets)
            else:
                for start in range(0, len(octets), 65_536):
                    self._tls.write(octets[start : start + 65_536])
                    await self._push_out()

    async def line(self) -> bytes:
        """One line without its CRLF. Raises Closed, TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"\r\n" not in self._received:
                self._received += await self._octets()
        line, _, rest = bytes(self._received).partition(b"\r\n")
        self._received[:] = rest
        return line

    async def reply(self) -> list[str]:
        """One reply of one or more lines."""
        lines = [(await self.line()).decode("ascii")]
        while lines[-1][3:4] == "-":
            lines.append((await self.line()).decode("ascii"))
        return lines

    async def ask(self, command: str) -> str:
        """Send one command, return the last line of its reply."""
        await self.send(command.encode("latin-1") + b"\r\n")
        return (await self.reply())[-1]

    async def expect_closed(self) -> bytes:
        """Whatever still comes before the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    self._received += await self._octets()
            except Closed:
                return bytes(self._received)

    def half_close(self) -> None:
        """Send nothing more, and say so by a TCP FIN (under TLS too: no close_notify)."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Go away with a TCP RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    async def _octets(self) -> bytes:
        if self._tls is None:
            return await self._raw()
        while True:
            try:
                octets = self._tls.read(65_536)
            except ssl.SSLWantReadError:
                await self._push_out()
                await self._pull_in()
            except ssl.SSLError as error:
                raise Closed from error
            else:
                if not octets:
                    raise Closed
                return octets

    async def _raw(self) -> bytes:
        try:
            octets = await asyncio.get_running_loop().sock_recv(self._socket, 65_536)
        except ConnectionResetError as error:
            raise Closed from error
        if not octets:
            raise Closed
        return octets

    async def _pull_in(self) -> None:
        self._in.write(await self._raw())

    async def _push_out(self) -> None:
        if octets := self._out.read():
            await asyncio.get_running_loop().sock_sendall(self._socket, octets)
