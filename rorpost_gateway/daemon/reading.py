"""Mailboxes behind this gateway, as the relay sees them: opened, judged and delivered by `inbound`."""

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.delivery.base import Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.inbound.deliver import Deliverer, NoLongerAllowed, NotOpened
from rorpost_gateway.queue.base import Copy
from rorpost_gateway.relay.local import NotAllowed
from rorpost_gateway.smtp_client.base import Deferred, Failed

log = structlog.get_logger()


class OwnMailboxes:
    """Implements `relay.local.LocalMailboxes`."""

    def __init__(self, deliverer: Deliverer, own_domains: frozenset[str]) -> None:
        self._deliverer = deliverer
        self._own_domains = own_domains

    def take(self, recipient: str) -> bool:
        return domain_of(recipient) in self._own_domains

    async def attempt(self, copy: Copy, octets: bytes) -> Delivered | Deferred | Failed | NotAllowed:
        """See `LocalMailboxes`."""
        try:
            return _as_attempt(await self._deliverer.deliver(copy, octets))
        except NoLongerAllowed as refusal:
            return NotAllowed(reason=refusal.reason)
        except NotOpened as fault:
            log.error("not-opened", error=fault)
            return Deferred(reply="4.3.0 the message cannot be opened now", next_hop="opening")


def _as_attempt(outcome: DeliveryOutcome) -> Delivered | Deferred | Failed:
    if isinstance(outcome, Delivered):
        return outcome
    if outcome.private:
        log.error("not-delivered", why=outcome.private)
    kind = Failed if isinstance(outcome, FailedDelivery) else Deferred
    return kind(reply=outcome.reply, next_hop=outcome.next_hop)
