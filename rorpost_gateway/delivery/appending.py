"""One message into one folder over IMAP, and never twice: what delivery and sent copies share.

In front of the message goes a trace field that names the delivery by `unique`. It is looked for
before the message is appended: an APPEND whose answer was not heard, or whose outcome a
crash kept from being written down, is found and not repeated. (Only a server that cannot
search may have it twice.) So that this stays quick in a folder of 100,000 messages, only those
are searched that arrived on the day `since` or later. No folder is opened for changes, no
flag of another message is touched.

Of the server's answers the codes alone go on: it has seen the message opened.

RFC 3501, sections 6.3.11 (APPEND) and 6.4.4 (SEARCH); RFC 5321, section 4.4 (trace
fields); RFC 5530 (response codes); RFC 3463 (enhanced status codes).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.imap.base import (
    Account,
    ImapError,
    ImapFolderMissing,
    ImapLoginFailed,
    ImapRefused,
    ImapTooLarge,
    Session,
    Sessions,
)
from rorpost_gateway.message.date_time import format_date

NEXT_HOP = "imap"  # of what is asked of no server
_UNIQUE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_DAY = timedelta(days=1)  # a server compares days in a time zone of its own
_CODES = {
    "OVERQUOTA": "4.2.2 the mailbox is over quota",
    "LIMIT": "4.2.2 the mailbox has reached a limit of its server",
    "TRYCREATE": "4.2.0 the folder is not there",
    "NONEXISTENT": "4.2.0 the folder is not there",
    "NOPERM": "4.2.1 the folder may not be written",
    "TOOBIG": "5.3.4 the message is larger than the server takes",
}
_REFUSED = "4.2.0 the server did not take the message"


@dataclass(frozen=True, kw_only=True)
class Appending:
    """One message on its way. `octets` end their lines with CRLF throughout."""

    octets: bytes = field(repr=False)
    unique: str
    arrived_at: datetime  # aware
    since: date  # no earlier attempt was made before that day
    flags: Sequence[str] = ()
    return_path: str | None = None  # for a Return-Path field; empty for the null path, None for no field
    make_folder: bool = False  # where it is missing


class Appender:
    """At one server; `hostname` is this gateway's, as its trace field names it."""

    def __init__(self, sessions: Sessions, *, hostname: str, attempt_seconds: float = 300.0) -> None:
        self._sessions = sessions
        self._hostname = hostname
        self._attempt_seconds = attempt_seconds

    async def append(
        self, account: Account, appending: Appending, folder_of: Callable[[Session], Awaitable[str]]
    ) -> DeliveryOutcome:
        """Raises ValueError for a `unique` that is no name; nothing for what a server can do."""
        if not _UNIQUE.fullmatch(appending.unique):
            raise ValueError(f"not a name: {appending.unique!r:.80}")
        next_hop = account.server.name
        octets = appending.octets
        if not octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r"):
            return FailedDelivery(
                reply="5.6.0 a message with bare CR or LF is not delivered", next_hop=next_hop
            )
        try:
            async with asyncio.timeout(self._attempt_seconds), self._sessions.open(account) as session:
                return await self._once(session, appending, await folder_of(session), next_hop)
        except ImapError as error:
            return _not_taken(error, next_hop)
        except TimeoutError:
            return DeferredDelivery(reply="4.4.1 the server is too slow", next_hop=next_hop)

    async def _once(
        self, session: Session, appending: Appending, folder: str, next_hop: str
    ) -> DeliveryOutcome:
        if await self._is_there(session, appending, folder):
            return Delivered(reply="2.0.0 in the folder already", next_hop=next_hop)
        await session.append(
            folder,
            self._trace(appending) + appending.octets,
            flags=appending.flags,
            arrived_at=appending.arrived_at,
        )
        return Delivered(reply="2.0.0 stored in the folder", next_hop=next_hop)

    async def _is_there(self, session: Session, appending: Appending, folder: str) -> bool:
        try:
            await session.examine(folder)
        except ImapFolderMissing:
            if not appending.make_folder:
                raise
            await session.ensure_folder(folder)
            return False
        try:
            found = await session.find_header("Received", appending.unique, since=appending.since - _DAY)
        except ImapRefused:
            return False  # a server that cannot look for it: rather twice than never
        # Seen with our own eyes: a server may search by words or by likeness.
        name = appending.unique.encode("ascii")
        return any([name in each.header async for each in session.summaries(found, fields=("Received",))])

    def _trace(self, appending: Appending) -> bytes:
        at = format_date(appending.arrived_at)
        path = appending.return_path
        first = "" if path is None else f"Return-Path: <{path}>\r\n"
        return f"{first}Received: by {self._hostname}\r\n id {appending.unique};\r\n {at}\r\n".encode("ascii")


def _not_taken(error: ImapError, next_hop: str) -> DeliveryOutcome:
    reply = _reply(error)
    kind = FailedDelivery if reply.startswith("5") else DeferredDelivery
    return kind(reply=reply, next_hop=next_hop, private=f"{next_hop}: {error.private or error.public}")


def _reply(error: ImapError) -> str:
    match error:
        case ImapLoginFailed():
            return "4.7.8 the server did not take the login"
        case ImapFolderMissing():
            return "4.2.0 the folder is not there"
        case ImapRefused():
            return _CODES.get(error.code, _REFUSED)
        case ImapTooLarge():
            return "4.4.2 the server said more than it was asked for"
    return "4.4.1 the server cannot be reached, or the connection was lost"
