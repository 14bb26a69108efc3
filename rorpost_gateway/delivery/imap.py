"""Delivery into mailboxes over IMAP: for an organisation whose mail server offers nothing else.

A message is in the folder when the server has answered APPEND, unread, with the time of its
delivery as INTERNALDATE. How it gets there once and not twice: `appending`.

What the server refuses for now (over quota, a folder that is not there, a login) is tried
again: an operator can mend it, and the sender is told when it takes too long. Only a message
that the server calls too large is refused for good.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rorpost_gateway.delivery.appending import NEXT_HOP, Appender, Appending
from rorpost_gateway.delivery.base import DeliveryOutcome
from rorpost_gateway.delivery.grammar import fault_of
from rorpost_gateway.imap.base import Account, Session


class ImapMailboxes:
    """See `base.Delivery`.

    `account_for` gives the login for a function mailbox. An attempt is repeated at most
    `tried_within` after the first one: where that was is not looked for further back.
    """

    def __init__(
        self,
        appender: Appender,
        *,
        account_for: Callable[[str], Account],
        folder: str,
        now: Callable[[], float],
        tried_within: timedelta,
    ) -> None:
        self._appender = appender
        self._account_for = account_for
        self._folder = folder
        self._now = now
        self._tried_within = tried_within

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        if fault := fault_of(recipient, next_hop=NEXT_HOP, reverse_path=reverse_path):
            return fault
        now = datetime.fromtimestamp(self._now(), tz=UTC)
        appending = Appending(
            octets=octets,
            unique=unique,
            arrived_at=now,
            since=(now - self._tried_within).date(),
            return_path=reverse_path,
        )
        return await self._appender.append(
            self._account_for(recipient.lower()), appending, folder_of=self._folder_of
        )

    async def _folder_of(self, _: Session) -> str:
        return self._folder
