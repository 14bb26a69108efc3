"""Delivery to our own mailboxes and sent copies, as the configuration wants them."""

from collections.abc import Callable
from datetime import timedelta

from rorpost_gateway.config.model import Config, ImapDelivery, MailServer
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.daemon.routes import read_password
from rorpost_gateway.delivery.appending import Appender
from rorpost_gateway.delivery.base import Delivery
from rorpost_gateway.delivery.imap import ImapMailboxes
from rorpost_gateway.delivery.lmtp import LmtpDelivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.delivery.sent import SentFolders
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.imap.base import Sessions
from rorpost_gateway.smtp_client.base import Client, MailProtocol, Route


def make_delivery(
    config: Config, client: Client, *, sessions: Sessions, now: Callable[[], float]
) -> Delivery:
    """A Maildir, or a mail server reached by `client` or over IMAP.

    Raises ConfigurationInvalid (unreadable password).
    """
    where = config.delivery.where
    if isinstance(where, ImapDelivery):
        account = where.account
        return ImapMailboxes(
            Appender(sessions, hostname=config.hostname),
            account_for=lambda mailbox: account_for(account, mailbox),
            folder=where.folder,
            now=now,
            tried_within=timedelta(seconds=config.relay.retry.give_up_after_seconds),
        )
    if not isinstance(where, MailServer):
        return MaildirDelivery(where)
    kind = LmtpDelivery if where.protocol is MailProtocol.LMTP else SmtpDelivery
    return kind(client, mail_route(config, where))


def make_sent_folders(config: Config, *, sessions: Sessions) -> SentFolders | None:
    """None where no sent copies are wanted."""
    wanted = config.delivery.sent_copy
    if wanted is None:
        return None
    return SentFolders(
        Appender(sessions, hostname=config.hostname),
        account_for=lambda mailbox: account_for(wanted.account, mailbox),
        folder=wanted.folder,
    )


def mail_route(config: Config, server: MailServer) -> Route:
    """The way to a server that takes plain mail of ours. Raises ConfigurationInvalid, as `make_delivery`."""
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
