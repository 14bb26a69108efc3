"""What the collecting room needs of others, and the words it has in common with them.

A source is a folder of a mailbox elsewhere. What lies in it is decided as if it had come by
SMTP, with one recipient; what was decided is in the journal before the message is moved.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from rorpost_gateway.envelope import Client, ReversePath
from rorpost_gateway.imap.base import Account
from rorpost_gateway.queue.base import Collected, CollectedAs, CollectedFrom
from rorpost_gateway.reply import Reply
from rorpost_gateway.smtp.base import Transaction

FOLDERS = {CollectedAs.TAKEN: "Rorpost/Collected", CollectedAs.REFUSED: "Rorpost/Refused"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """`name` is `username@host:port/folder`; `recipient` is one of our function mailboxes."""

    name: str
    account: Account
    folder: str
    recipient: str


@dataclass(frozen=True, kw_only=True)
class TrueSender:
    """A mailbox that has proved, by its own valid signature, that a refused message is its own.

    `digest` (hex) is of what was signed, by whom, for whom: the same message again has the same one.
    `message_id` is the one that stood outside the seal.
    """

    mailbox: str
    digest: str
    message_id: str | None


class Offered(Transaction, Protocol):
    """A transaction that can tell, once it has refused a message, whether its sender may hear of it."""

    @property
    def true_sender(self) -> TrueSender | None:
        """None where nobody is to be told: who is not sure to be the sender gets no mail from us."""
        ...


class WayIn(Protocol):
    """Decides; see `smtp.base.Receiver.begin`."""

    async def begin(self, client: Client, path: ReversePath) -> Offered | Reply: ...


class Journal(Protocol):
    """What has been decided; see `queue.base.Queue`."""

    async def find_collected(
        self, account: str, uid_validity: int, uids: Collection[int]
    ) -> Mapping[int, Collected]: ...

    async def note_collected(
        self, where: CollectedFrom, outcome: CollectedAs, *, now: float, to_tell: str | None = None
    ) -> bool: ...


class Share(Protocol):
    """One message's part of the memory that all messages being taken in may use."""

    def take(self, octets: int) -> bool: ...

    def give_back(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A refusal that its true sender is to hear of. `at` is when (seconds since the epoch)."""

    sender: TrueSender
    recipient: str
    reply: Reply
    at: float


class Tells(Protocol):
    def tell(self, refused: Refused) -> None:
        """See to it that the sender hears of it; never waits, never raises."""
        ...
