"""Mailboxes behind this gateway, as the relay sees them: opened, judged and delivered by `inbound`."""

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.delivery.base import Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.inbound.deliver import Deliverer, NoLongerAllowed, NotOpened
from rorpost_gateway.inbound.sent_copy import SentCopies
from rorpost_gateway.queue.base import Copy, Purpose
from rorpost_gateway.relay.local import NotAllowed
from rorpost_gateway.smtp_client.base import Deferred, Failed

log = structlog.get_logger()


class OwnMailboxes:
    """Implements `relay.local.LocalMailboxes`."""

    def __init__(
        self, deliverer: Deliverer, own_domains: frozenset[str], sent_copies: SentCopies | None = None
    ) -> None:
        self._deliverer = deliverer
        self._own_domains = own_domains
        self._sent_copies = sent_copies

    def take(self, recipient: str) -> bool:
        return domain_of(recipient) in self._own_domains

    async def attempt(self, copy: Copy, octets: bytes) -> Delivered | Deferred | Failed | NotAllowed:
        """See `LocalMailboxes`."""
        try:
            return _as_attempt(await self._put(copy, octets))
        except NoLongerAllowed as refusal:
            return NotAllowed(reason=refusal.reason)
        except NotOpened as fault:
            log.error("not-opened", error=fault)
            return Deferred(reply="4.3.0 the message cannot be opened now", next_hop="opening")

    async def _put(self, copy: Copy, octets: bytes) -> DeliveryOutcome:
        if copy.purpose is Purpose.MESSAGE:
            return await self._deliverer.deliver(copy, octets)
        if self._sent_copies is None:
            return FailedDelivery(reply="5.3.5 no sent copies are configured", next_hop="none")
        return await self._sent_copies.put(copy, octets)


def _as_attempt(outcome: DeliveryOutcome) -> Delivered | Deferred | Failed:
    if isinstance(outcome, Delivered):
        return outcome
    if outcome.private:
        log.error("not-delivered", why=outcome.private)
    kind = Failed if isinstance(outcome, FailedDelivery) else Deferred
    return kind(reply=outcome.reply, next_hop=outcome.next_hop)
