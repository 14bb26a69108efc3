"""What config/rorpost.yaml says of IMAP accounts and what they are for, frozen."""

from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.http.client import Url
from rorpost_gateway.imap.base import Server

MAILBOX = "{mailbox}"  # in a username: the address of the function mailbox that the session is for


@dataclass(frozen=True, kw_only=True)
class XOAuth2Settings:
    """Where access tokens come from: a file that somebody else renews, or the grant of RFC 6749, section 4.4.

    Either `token_file` is given, or `token_url`, and then all but `ca` of what follows it.
    """

    token_file: Path | None = None
    token_url: Url | None = None
    client_id: str = ""
    client_secret_file: Path | None = None
    scope: str = ""
    ca: Path | None = None  # of the token server; None: the system's authorities


@dataclass(frozen=True, kw_only=True)
class ImapAccountSettings:
    """A login at an IMAP server. Of `password_file` and `xoauth2` exactly one is given."""

    server: Server
    username: str  # may hold MAILBOX where one login serves many mailboxes
    password_file: Path | None
    xoauth2: XOAuth2Settings | None

    @property
    def per_mailbox(self) -> bool:
        return MAILBOX in self.username

    def username_for(self, mailbox: str | None) -> str:
        """As the server is told it. A mailbox is an address in lower case; None where it does not matter."""
        return self.username if mailbox is None else self.username.replace(MAILBOX, mailbox)

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Files that nobody but the gateway may read."""
        oauth = self.xoauth2
        given = (self.password_file, *((oauth.token_file, oauth.client_secret_file) if oauth else ()))
        return tuple(path for path in given if path is not None)

    @property
    def authorities(self) -> tuple[Path, ...]:
        """Files that say whose certificates are believed."""
        given = (self.server.ca, self.xoauth2.ca if self.xoauth2 else None)
        return tuple(path for path in given if path is not None)


@dataclass(frozen=True, kw_only=True)
class CollectSettings:
    """A folder that sealed mail for one of our mailboxes is collected from."""

    account: ImapAccountSettings
    folder: str
    recipient: str  # in lower case; in one of `domains`

    @property
    def name(self) -> str:
        """`username@host:port/folder`, as journal, metrics and lines call it."""
        return f"{self.account.username}@{self.account.server.name}/{self.folder}"
