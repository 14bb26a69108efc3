"""What the rest of the house knows of delivery to this side's own function mailboxes."""

from typing import Protocol

from rorpost_gateway.errors import GatewayError


class DeliveryFailed(GatewayError):
    """The message is not in the mailbox; what there was of it is gone. It may be tried again."""


class Delivery(Protocol):
    async def deliver(self, recipient: str, octets: bytes, *, unique: str) -> None:
        """Put one message (CRLF line ends) into the mailbox of `recipient`; durable when it returns.

        The same `unique` twice is one message, whether or not it has been read or
        flagged meanwhile. Raises DeliveryFailed.
        """
        ...
