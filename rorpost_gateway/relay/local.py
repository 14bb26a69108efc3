"""What the relay knows of copies that go no further: their mailbox is behind this gateway."""

from dataclasses import dataclass
from typing import Protocol

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.queue.base import Copy
from rorpost_gateway.smtp_client.base import Deferred, Failed


@dataclass(frozen=True, kw_only=True)
class NotAllowed:
    """Policy or keys, as they are now, do not let the copy be opened for its reader."""

    reason: Reason


class LocalMailboxes(Protocol):
    def take(self, recipient: str) -> bool:
        """Whether this recipient's mailbox is behind this gateway."""
        ...

    async def attempt(self, copy: Copy, octets: bytes) -> Delivered | Deferred | Failed | NotAllowed:
        """Open the copy and deliver it. Never raises for what a message, a disk or a server can do."""
        ...
