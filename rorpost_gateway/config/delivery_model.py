"""What config/rorpost.yaml says of delivery, frozen: where opened mail and copies of sent mail go."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rorpost_gateway.config.imap_model import ImapAccountSettings
from rorpost_gateway.smtp_client import base as smtp_client


class DeliveryMethod(StrEnum):
    MAILDIR = "maildir"
    LMTP = "lmtp"
    SMTP = "smtp"
    IMAP = "imap"


class ShowPerson(StrEnum):
    """Where a reader sees the person who sent: in From's display name, or in X-Rorpost-Verified alone."""

    AUTHOR = "author"
    HEADER_ONLY = "header-only"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Who takes opened mail. With `socket`, a Unix socket, host and port are not used."""

    protocol: smtp_client.MailProtocol
    socket: Path | None
    host: str
    port: int
    tls: smtp_client.TlsMode  # never ENCRYPT: what goes there is not sealed any more
    ca: Path | None
    username: str | None
    password_file: Path | None


@dataclass(frozen=True, kw_only=True)
class ImapDelivery:
    """Opened mail is appended to this folder of each mailbox."""

    account: ImapAccountSettings
    folder: str


@dataclass(frozen=True, kw_only=True)
class SentCopySettings:
    """A readable copy of what a mailbox sent goes to its own folder.

    `folder` None means the special use Sent (RFC 6154), else the folder called Sent.
    """

    account: ImapAccountSettings
    folder: str | None


@dataclass(frozen=True, kw_only=True)
class DeliverySettings:
    """`where` is the root of the Maildirs, or the server that keeps the mailboxes."""

    where: Path | MailServer | ImapDelivery
    show_person: ShowPerson
    sent_copy: SentCopySettings | None = None

    @property
    def maildir_root(self) -> Path | None:
        return self.where if isinstance(self.where, Path) else None

    @property
    def server(self) -> MailServer | None:
        return self.where if isinstance(self.where, MailServer) else None

    @property
    def imap(self) -> ImapDelivery | None:
        return self.where if isinstance(self.where, ImapDelivery) else None
