"""The way in, put together: who opens, where partners connect, how our mailboxes are reached."""

from collections.abc import Callable
from datetime import timedelta
from weakref import WeakValueDictionary

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.listening import DEFAULT_MAX_AGE_SECONDS
from rorpost_gateway.config.model import Config, ShowPerson
from rorpost_gateway.daemon.reading import OwnMailboxes
from rorpost_gateway.delivery.base import (
    DeferredDelivery,
    Delivered,
    Delivery,
    DeliveryOutcome,
    FailedDelivery,
)
from rorpost_gateway.delivery.sent import SentFolders
from rorpost_gateway.inbound.deliver import Deliverer
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.inbound.sent_copy import SentCopies
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.inbound.taking import Means
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.openpgp.engines import SEQUOIA
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.openpgp.opening_beside import open_beside
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reception.promise import Promise
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.smtp.listener import Budget, Listener, ListenerSettings
from rorpost_gateway.smtp_client.base import Client, Failed, Outgoing, Relayed, Routes

REMEMBERED_LONGER = timedelta(days=1)  # than signatures are taken for: no gap for a replay


def max_age(config: Config) -> timedelta:
    """How old a partner's signature may be."""
    return timedelta(seconds=config.inbound.max_age_seconds if config.inbound else DEFAULT_MAX_AGE_SECONDS)


def make_opener(config: Config, passphrase: str | None) -> Opener:
    """Who opens what partners bring: in a process of its own, where there may be any."""
    make = open_beside if config.processes else GnupgOpener
    return make(config.openpgp.home, passphrase, sequoia=config.openpgp.engine == SEQUOIA)


def make_mailboxes(
    config: Config,
    *,
    opener: Opener,
    delivery: Delivery,
    in_force: Callable[[], InForce],
    now: Callable[[], float],
    still_open: StillOpen,
    sent_folders: SentFolders | None = None,
) -> OwnMailboxes:
    """What the relay hands copies for our own mailboxes to."""
    deliverer = Deliverer(
        opener=opener,
        delivery=delivery,
        in_force=in_force,
        now=now,
        hostname=config.hostname,
        own_domains=config.domains,
        longest_octets=config.limits.sealed_size,
        show_person=config.delivery.show_person is ShowPerson.AUTHOR,
        still_open=still_open,
    )
    sent_copies = None
    if sent_folders is not None:
        sent_copies = SentCopies(
            opener=opener,
            folders=sent_folders,
            keys=lambda: in_force().keys,
            now=now,
            hostname=config.hostname,
            longest_octets=config.limits.sealed_size,
        )
    return OwnMailboxes(deliverer, config.domains, sent_copies)


def make_inbound(
    config: Config, house: House, opener: Opener, refusals: Refusals, still_open: StillOpen
) -> Inbound | None:
    """Who decides what partners bring, by whichever way; None where the configuration has no way in."""
    if config.inbound is None:
        return None
    means = Means(
        opener=opener,
        message_size=config.limits.sealed_size,
        longest_octets=config.limits.sealed_size,
        max_age=max_age(config),
        taking=WeakValueDictionary(),
        promise=Promise(house),
        still_open=still_open,
    )
    return Inbound(house, means, refusals)


def make_inbound_listener(config: Config, house: House, receiver: Inbound, budget: Budget) -> Listener | None:
    """Where partners connect; None where the configuration has no such place."""
    place = config.inbound.smtp if config.inbound is not None else None
    if place is None:
        return None
    settings = ListenerSettings(
        listen=place.listen,
        hostname=config.hostname,
        tls=place.tls,
        certificate=place.certificate,
        key=place.key,
        clear_text_on_loopback=place.clear_text_on_loopback,
        message_size_octets=config.limits.sealed_size,
        recipients=config.limits.recipients,
        connections=config.limits.connections,
        connections_per_client=config.limits.connections_per_client,
        auth=False,
        trusted_networks=place.allowed_networks,
    )
    return Listener(settings, receiver, budget=budget, stages=house.stages)


class NextHopDelivery:
    """A notice to a partner's mailbox, by its next hop. Implements `delivery.base.Delivery`."""

    def __init__(self, client: Client, routes: Routes) -> None:
        self._client = client
        self._routes = routes

    async def deliver(
        self,
        recipient: str,
        octets: bytes,
        *,
        reverse_path: str,
        unique: str,  # noqa: ARG002 - a next hop does not know it
    ) -> DeliveryOutcome:
        """See `Delivery`."""
        route = self._routes.for_recipient(recipient)
        if route is None:
            return DeferredDelivery(reply="4.4.4 no route is configured", next_hop="none")
        outgoing = Outgoing(reverse_path=reverse_path, recipient=recipient, octets=octets)
        attempt = await self._client.send(route, outgoing)
        if isinstance(attempt, Failed):
            return FailedDelivery(reply=attempt.reply, next_hop=attempt.next_hop)
        if isinstance(attempt, Relayed):
            return Delivered(reply=attempt.reply, next_hop=attempt.next_hop)
        return DeferredDelivery(reply=attempt.reply, next_hop=attempt.next_hop)


class NoticeDelivery:
    """Notices go to our own mailboxes as mail does, and to a partner's by its next hop.

    Implements `delivery.base.Delivery`. A partner's gateway refuses the null path, so a
    notice to it fails for good, and the copy is held until an operator has told the sender.
    """

    def __init__(self, own: Delivery, client: Client, routes: Routes, own_domains: frozenset[str]) -> None:
        self._own = own
        self._elsewhere = NextHopDelivery(client, routes)
        self._own_domains = own_domains

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        """See `Delivery`."""
        by = self._own if domain_of(recipient) in self._own_domains else self._elsewhere
        return await by.deliver(recipient, octets, reverse_path=reverse_path, unique=unique)
