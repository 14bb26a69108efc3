"""One collected message, offered to the way in: the steps of an SMTP transaction, and what came of them."""

from dataclasses import dataclass

import structlog

from rorpost_gateway.collecting.arrived import as_brought, author_of
from rorpost_gateway.collecting.base import Offered, TrueSender, WayIn
from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client, Recipient, ReversePath, TrustedNetwork
from rorpost_gateway.imap.base import Peer
from rorpost_gateway.queue.base import CollectedAs
from rorpost_gateway.reply import Reply

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the way in said. `outcome` is None where the message is to be offered again later.

    `reply` is None where the way in broke down, and has logged it.
    """

    outcome: CollectedAs | None
    reply: Reply | None
    true_sender: TrueSender | None = None

    @property
    def duplicate(self) -> bool:
        return self.reply is not None and self.reply.reason is Reason.DUPLICATE


BROKE_DOWN = Answer(outcome=None, reply=None)


class Offering:
    """Offers what lies in one folder. The server is trusted to bring mail, since it was configured."""

    def __init__(self, way_in: WayIn, *, peer: Peer, recipient: str) -> None:
        self._way_in = way_in
        self._client = Client(ip=peer.ip, tls=peer.tls, trusted=(TrustedNetwork(network=peer.ip),))
        self._recipient = Recipient(address=recipient)

    async def offer(self, octets: bytes) -> Answer:
        """Decide a whole message, as the mailbox has it. What it says is durable. Never raises."""
        brought = as_brought(octets)
        return await self._answered(author_of(brought), brought)

    async def offer_too_large(self, header: bytes) -> Answer:
        """Refuse a message of which only the From field was fetched. Never raises."""
        return await self._answered(author_of(header), None)

    async def _answered(self, author: str, octets: bytes | None) -> Answer:
        try:
            return await self._transaction(author, octets)
        except Exception as error:  # noqa: BLE001 - as at the SMTP prompt: 451, whatever it was
            log.error("collected-not-decided", recipient=self._recipient.address, error=error)
            return BROKE_DOWN

    async def _transaction(self, author: str, octets: bytes | None) -> Answer:
        begun = await self._way_in.begin(self._client, ReversePath(address=author))
        if isinstance(begun, Reply):
            return _answer(begun)
        heard = await begun.recipient(self._recipient)
        if not heard.positive:
            await begun.abort()
            return _answer(heard)
        if octets is None:
            return _answer(await begun.refuse(Reason.MESSAGE_TOO_LARGE))
        return _answer(await begun.message(octets), begun)


def _answer(reply: Reply, transaction: Offered | None = None) -> Answer:
    if reply.positive:
        return Answer(outcome=CollectedAs.TAKEN, reply=reply)
    if reply.code < 500:
        return Answer(outcome=None, reply=reply)
    sender = transaction.true_sender if transaction is not None else None
    return Answer(outcome=CollectedAs.REFUSED, reply=reply, true_sender=sender)
