"""Readable copies into the Sent folder of the mailbox that sent the message.

A copy is marked as read, and has the time at which the message was taken as INTERNALDATE, so that it
stands where a mail client would have put it. The folder is the configured one, else the one with
the special use Sent (RFC 6154), else the one called Sent; it is made where it is missing.
"""

from collections.abc import Callable
from datetime import datetime

from rorpost_gateway.delivery.appending import NEXT_HOP, Appender, Appending
from rorpost_gateway.delivery.base import DeliveryOutcome
from rorpost_gateway.delivery.grammar import fault_of
from rorpost_gateway.imap.base import SEEN, Account, Session

USUAL = "Sent"


class SentFolders:
    """`account_for` gives the login for a function mailbox; `folder` is None for the server's own."""

    def __init__(
        self, appender: Appender, *, account_for: Callable[[str], Account], folder: str | None
    ) -> None:
        self._appender = appender
        self._account_for = account_for
        self._folder = folder

    async def put(self, mailbox: str, octets: bytes, *, sent_at: datetime, unique: str) -> DeliveryOutcome:
        """Outcomes and errors as of `base.Delivery.deliver`; the same `unique` twice is one copy."""
        if fault := fault_of(mailbox, next_hop=NEXT_HOP):
            return fault
        appending = Appending(
            octets=octets,
            unique=unique,
            arrived_at=sent_at,
            since=sent_at.date(),
            flags=(SEEN,),
            make_folder=True,
        )
        return await self._appender.append(
            self._account_for(mailbox.lower()), appending, folder_of=self._folder_of
        )

    async def _folder_of(self, session: Session) -> str:
        return self._folder or await session.sent_folder() or USUAL
