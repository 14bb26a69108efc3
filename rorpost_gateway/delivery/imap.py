"""Delivery into mailboxes over IMAP: for an organisation whose mail server offers nothing else.

A message is in the folder when the server has answered APPEND, unread, with the time of its
delivery as INTERNALDATE. How it gets there once and not twice: `appending`.

What the server refuses for now (over quota, a folder that is not there, a login) is tried
again: an operator can mend it, and the sender is told when it takes too long. Only a message
that the server calls too large is refused for good.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rorpost_gateway.address import is_function_mailbox, parse_address
from rorpost_gateway.delivery.appending import Appender, Appending
from rorpost_gateway.delivery.base import DeliveryOutcome, FailedDelivery
from rorpost_gateway.errors import AddressMalformed
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
        if not is_function_mailbox(recipient):
            return _never("5.1.1 not a function mailbox", f"not a function mailbox: {recipient!r:.80}")
        if not _is_path(reverse_path):
            return _never("5.1.7 the reverse-path does not follow the grammar", f"{reverse_path!r:.80}")
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


def _never(reply: str, private: str) -> FailedDelivery:
    return FailedDelivery(reply=reply, next_hop="imap", private=private)


def _is_path(reverse_path: str) -> bool:
    try:
        return not reverse_path or bool(parse_address(reverse_path))
    except AddressMalformed:
        return False
