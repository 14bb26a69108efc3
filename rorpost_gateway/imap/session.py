"""A session: the promises of `imap.base.Session` over one connection that is logged in.

Invariants: folders are opened read-only by EXAMINE; what arrives between a search and IDLE is not
slept over.

RFC 3501, section 7.3 (EXISTS, EXPUNGE); RFC 2177 (IDLE).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

from rorpost_gateway.imap.answers import Untagged
from rorpost_gateway.imap.base import ImapRefused, ImapUnavailable, Peer, Selected, Summary
from rorpost_gateway.imap.folders import Folders
from rorpost_gateway.imap.messages import Messages
from rorpost_gateway.imap.protocol import ImapProtocol
from rorpost_gateway.imap.verdict import accepted, refuse

LONGEST_IDLE_SECONDS = 29 * 60.0  # RFC 2177, section 3
_HAPPENINGS = frozenset({"EXISTS", "EXPUNGE", "FETCH", "VANISHED"})


class ImapSession:
    """A `base.Session`. `sessions.ImapSessions.open` makes it."""

    def __init__(self, protocol: ImapProtocol, *, most_header_octets: int) -> None:
        self._protocol = protocol
        self._folders = Folders(protocol)
        self._messages = Messages(protocol, most_header_octets=most_header_octets)
        self._selected: Selected | None = None
        self._exists = 0
        self._arrived = False  # since the UIDs were last asked for
        self._happened = False  # while idle
        self._peer = _peer(protocol)
        protocol.heard = self._hear

    @property
    def capabilities(self) -> frozenset[str]:
        return self._protocol.capabilities

    @property
    def peer(self) -> Peer:
        return self._peer

    async def examine(self, folder: str) -> Selected:
        return await self._open("EXAMINE", folder)

    async def select(self, folder: str) -> Selected:
        return await self._open("SELECT", folder)

    async def _open(self, command: str, folder: str) -> Selected:
        self._selected, self._exists = None, 0
        self._selected = await self._folders.open(command, folder)
        self._arrived = False
        return self._selected

    async def ensure_folder(self, folder: str) -> None:
        await self._folders.ensure(folder)

    async def sent_folder(self) -> str | None:
        return await self._folders.sent()

    async def uids(self, *, after: int = 0) -> Sequence[int]:
        self._arrived = False
        return await self._messages.after(after)

    async def unseen(self) -> Sequence[int]:
        return await self._messages.unseen()

    async def find_header(self, field_name: str, text: str, *, since: date | None = None) -> Sequence[int]:
        return await self._messages.with_header(field_name, text, since)

    def summaries(self, uids: Sequence[int], *, fields: Sequence[str] = ()) -> AsyncIterator[Summary]:
        return self._messages.summaries(uids, fields)

    async def fetch(self, uid: int, *, most_octets: int) -> bytes | None:
        return await self._messages.whole(uid, most_octets)

    async def move(self, uids: int | Sequence[int], folder: str) -> None:
        if self._selected is not None and self._selected.read_only:
            raise ImapRefused(f"{self._protocol.name}: the folder is open read-only")
        await self._messages.move(uids, await self._folders.mailbox(folder))

    async def append(
        self, folder: str, octets: bytes, *, flags: Sequence[str] = (), arrived_at: datetime | None = None
    ) -> int | None:
        return await self._messages.append(await self._folders.mailbox(folder), octets, flags, arrived_at)

    async def noop(self) -> None:
        accepted(self._protocol, "NOOP", await self._protocol.command("NOOP"))

    async def idle(self, *, most_seconds: float) -> bool:
        if not self._protocol.has("IDLE"):
            raise ImapRefused(f"{self._protocol.name}: the server has no IDLE")
        if self._arrived:
            self._arrived = False
            return True
        try:
            await self._idle(min(most_seconds, LONGEST_IDLE_SECONDS))
        except asyncio.CancelledError:
            self._protocol.end(ImapUnavailable(f"{self._protocol.name}: IDLE was given up"))
            raise
        self._arrived = False
        return self._happened

    async def _idle(self, seconds: float) -> None:
        self._protocol.begin("IDLE")
        self._happened = False
        await self._protocol.send_line()
        if await self._protocol.invited() is None:
            refuse(self._protocol, "IDLE", await self._protocol.answered())
        await self._protocol.until_news(seconds, lambda: self._happened or self._protocol.is_answered)
        if not self._protocol.is_answered:  # a server may end it by itself
            await self._protocol.write(b"DONE\r\n")
        accepted(self._protocol, "IDLE", await self._protocol.answered())

    def _hear(self, heard: Untagged) -> None:
        """Every untagged response, whoever asked."""
        self._happened = self._happened or heard.kind in _HAPPENINGS
        if heard.kind == "EXISTS" and heard.number is not None:
            self._arrived = self._arrived or heard.number > self._exists
            self._exists = heard.number
        elif heard.kind == "EXPUNGE":
            self._exists = max(0, self._exists - 1)
        elif heard.status is not None and heard.status.code == "UIDVALIDITY":
            self._is_still(heard.status.rest)

    def _is_still(self, validity: str) -> None:
        if self._selected is not None and validity != str(self._selected.uid_validity):
            self._protocol.end(ImapUnavailable(f"{self._protocol.name}: the folder is another one now"))


def _peer(protocol: ImapProtocol) -> Peer:
    secured = protocol.transport.get_extra_info("ssl_object")
    address = protocol.transport.get_extra_info("peername")
    return Peer(
        ip=str(address[0]) if address else "",
        tls=secured.version() if isinstance(secured, ssl.SSLObject | ssl.SSLSocket) else None,
    )
