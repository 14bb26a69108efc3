"""Delivery to our own mailboxes, as the configuration wants it."""

from rorpost_gateway.config.model import Config, MailServer
from rorpost_gateway.daemon.routes import read_password
from rorpost_gateway.delivery.base import Delivery
from rorpost_gateway.delivery.lmtp import LmtpDelivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.smtp_client.base import Client, MailProtocol, Route


def make_delivery(config: Config, client: Client) -> Delivery:
    """A Maildir, or a mail server reached by `client`. Raises ConfigurationInvalid (unreadable password)."""
    where = config.delivery.where
    if not isinstance(where, MailServer):
        return MaildirDelivery(where)
    kind = LmtpDelivery if where.protocol is MailProtocol.LMTP else SmtpDelivery
    return kind(client, _route(config, where))


def delivery_route(config: Config) -> Route | None:
    """The server that keeps our mailboxes; None for a Maildir. Raises ConfigurationInvalid, as above."""
    server = config.delivery.server
    return None if server is None else _route(config, server)


def _route(config: Config, server: MailServer) -> Route:
    return Route(
        host=server.host,
        port=server.port,
        hostname=config.hostname,
        tls=server.tls,
        ca=server.ca,
        username=server.username,
        password=read_password(server.password_file),
        socket=server.socket,
        protocol=server.protocol,
    )
