"""Collecting, put together: which mailboxes, who decides, and who is told."""

from rorpost_gateway.collecting.base import Source
from rorpost_gateway.collecting.collecting import Collecting
from rorpost_gateway.collecting.collector import Collector
from rorpost_gateway.collecting.deciding import Means
from rorpost_gateway.collecting.telling import Telling
from rorpost_gateway.config.model import CollectSettings, Config
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.daemon.routes import routes_of
from rorpost_gateway.daemon.way_in import NextHopDelivery
from rorpost_gateway.dsn import Recipient
from rorpost_gateway.imap.base import Sessions
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.reception.house import House
from rorpost_gateway.smtp.listener import Budget
from rorpost_gateway.smtp_client.base import Client


def make_collecting(
    config: Config,
    house: House,
    inbound: Inbound | None,
    budget: Budget,
    client: Client,
    sessions: Sessions | None = None,
) -> Collecting | None:
    """None where the configuration names no mailbox to collect from. Raises ConfigurationInvalid."""
    settings = config.inbound
    if settings is None or inbound is None or not settings.imap:
        return None
    telling = _make_telling(config, house, client)
    means = Means(
        journal=house.queue,
        tells=telling,
        share=lambda: budget.share(copies=1),
        most_octets=config.limits.sealed_size,
        now=house.now,
    )
    sessions = sessions or ImapSessions()
    collectors = [
        Collector(
            source=source_of(each),
            sessions=sessions,
            way_in=inbound,
            means=means,
            poll_seconds=settings.poll_seconds,
        )
        for each in settings.imap
    ]
    return Collecting(collectors, telling)


def source_of(settings: CollectSettings) -> Source:
    """As the configuration names it. Raises ConfigurationInvalid."""
    return Source(
        name=settings.name,
        account=account_for(settings.account, None),
        folder=settings.folder,
        recipient=settings.recipient,
    )


def _make_telling(config: Config, house: House, client: Client) -> Telling:
    def unit_of(address: str) -> Recipient:
        mailbox = house.in_force().policy.mailbox(address)
        return Recipient(
            address=address,
            unit=mailbox.name if mailbox else None,
            phone=mailbox.phone if mailbox else None,
        )

    return Telling(
        delivery=NextHopDelivery(client, routes_of(config)),
        hostname=config.hostname,
        zone=config.timezone,
        language=config.language,
        unit_of=unit_of,
    )
