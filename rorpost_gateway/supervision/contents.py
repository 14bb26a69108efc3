"""What one look into a mailbox found: figures and the oldest dates of each folder, never a message.

A folder of 100,000 messages costs as much here as one of three. Dates are INTERNALDATE (RFC 3501,
section 2.3.3): when the server took the message in, whole seconds by the server's clock; all are aware.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderContents:
    """One folder. `oldest_at` and `oldest_unread_at` are None where there is no such message.

    `foreign` counts messages whose decision this gateway does not know: they came round it.
    """

    messages: int = 0
    unread: int = 0
    oldest_at: datetime | None = None
    oldest_unread_at: datetime | None = None
    foreign: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """One mailbox as it was at `looked_at`, the moment its first answer was asked for (aware).

    `sent` is None where the mailbox has no folder for sent messages.
    """

    looked_at: datetime
    inbox: FolderContents
    sent: FolderContents | None = None

    @property
    def foreign(self) -> int:
        return self.inbox.foreign + (self.sent.foreign if self.sent else 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotLookedInto:
    """The mailbox could not be looked into. `cause` is one line of printable ASCII, no secret in it."""

    looked_at: datetime
    cause: str


Look = Contents | NotLookedInto
