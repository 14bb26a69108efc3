"""What a session asks of the house behind it: a delivery in two phases.

The session owns the protocol: grammar, order of commands, TLS, AUTH exchanges,
DATA. A `Receiver` owns every decision. `begin` opens a transaction at MAIL, each
RCPT adds a recipient or is refused, and `message` or `abort` ends it. Every
method returns the reply to send; what it says is already true (durable, logged)
when it returns. An exception from any of them is answered `451 4.3.0`.
"""

from typing import Protocol

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client, Login, Recipient, ReversePath
from rorpost_gateway.reply import Reply


class Transaction(Protocol):
    async def recipient(self, recipient: Recipient) -> Reply:
        """Answer one RCPT. A 2xx reply adds the recipient."""
        ...

    async def message(self, octets: bytes) -> Reply:
        """Decide and take the message (dot-stuffing undone, CRLF line ends, final CRLF kept).

        Ends the transaction. `Reply.close` asks for the connection to be closed.
        """
        ...

    async def refuse(self, reason: Reason) -> Reply:
        """End the transaction for what the session itself found (too large, no memory)."""
        ...

    async def abort(self) -> None:
        """RSET, a new EHLO, or the connection is gone before DATA was answered."""
        ...


class Receiver(Protocol):
    async def connected(self, client: Client) -> None: ...

    async def authenticate(self, client: Client, name: str, password: bytes) -> Login | Reply:
        """Check a login; a Reply is what to answer instead of 235."""
        ...

    async def begin(self, client: Client, path: ReversePath) -> Transaction | Reply:
        """Answer MAIL: a transaction (the session says `250 2.1.0`), or the refusal."""
        ...

    async def turn_away(self, client: Client, reason: Reason) -> Reply:
        """The refusal of a mail command before any transaction (TLS required): logged first."""
        ...

    def refusal(self, client: Client, reason: Reason) -> Reply:
        """The text for what the session refuses outside a transaction (too many
        connections, shutting down, ...); counted for the log.
        """
        ...
