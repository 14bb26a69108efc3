"""The mail server of the organisation's people, as far as the watch needs one: it takes mail and keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

_READ_SECONDS = 30
_END = b"\r\n.\r\n"
_ANSWERS = {
    "EHLO": b"250 localhost\r\n",
    "HELO": b"250 localhost\r\n",
    "RSET": b"250 2.0.0 forgotten\r\n",
    "NOOP": b"250 2.0.0 here\r\n",
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A mail as it came in, with CRLF line ends."""

    recipients: tuple[str, ...]
    octets: bytes = field(repr=False)

    def as_read(self) -> list[str]:
        """The lines that its reader sees, decoded."""
        mail = self._parsed()
        body = mail.get_body(preferencelist=("plain",))
        text = body.get_content() if body is not None else ""
        return [*(f"{name}: {mail[name]}" for name in ("From", "To", "Subject")), "", *text.splitlines()]

    def _parsed(self) -> EmailMessage:
        return message_from_bytes(self.octets, policy=policy.default)


@dataclass(kw_only=True)
class NoticeServer:
    """`port` is on 127.0.0.1, in clear text; `taken` is what has come, oldest first."""

    port: int = 0
    taken: list[Notice] = field(default_factory=list)


@asynccontextmanager
async def notice_server() -> AsyncIterator[NoticeServer]:
    """Take mail until the end."""
    server = NoticeServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await _serve(server, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # a client that goes away is none of our business
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def _serve(server: NoticeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    recipients: list[str] = []
    writer.write(b"220 localhost ESMTP\r\n")
    while line := (await reader.readline()).decode("ascii", "replace").strip():
        verb = line[:4].upper()
        if verb == "DATA":
            writer.write(b"354 go on\r\n")
            octets = (await reader.readuntil(_END))[: -len(b".\r\n")].replace(b"\r\n..", b"\r\n.")
            server.taken.append(Notice(recipients=tuple(recipients), octets=octets))
        elif verb == "MAIL":
            recipients.clear()
        elif verb == "RCPT":
            recipients.append(line[line.index("<") + 1 : line.index(">")])
        elif verb == "QUIT":
            writer.write(b"221 2.0.0 bye\r\n")
            return
        writer.write(_ANSWERS.get(verb, b"250 2.0.0 taken\r\n"))
        await writer.drain()
