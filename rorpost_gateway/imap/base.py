"""What the rest of the house knows of IMAP: accounts, folders, and a session that can be relied on.

Folder names are plain text here (å, quotes, blanks and `&` as they are, `/` between levels
whatever the server's separator); the session encodes them. Whatever the server or the network
does, a method ends within the session's bounds with its result or with one of the errors below;
after ImapUnavailable the session is dead, and a new one is to be opened.

RFC 3501, RFC 9051, RFC 2177 (IDLE), RFC 4315 (UIDPLUS), RFC 6851 (MOVE), RFC 6154 (special use).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from rorpost_gateway.errors import GatewayError

SEEN = "\\Seen"


class ImapTls(StrEnum):
    """How a connection is protected. A certificate is always verified, chain and host name."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OFF = "off"  # in the clear: to loopback only


@dataclass(frozen=True, kw_only=True)
class Server:
    """`ca` None means the system's certificate authorities."""

    host: str
    port: int
    tls: ImapTls = ImapTls.STARTTLS
    ca: Path | None = None

    @property
    def name(self) -> str:
        """`host:port`, as lines and tables name it."""
        return f"{self.host}:{self.port}"


class Credentials(Protocol):
    """How a login proves itself. Read anew at each login, so that a changed file counts."""

    async def password(self) -> str | None:
        """The password; None where a token is used. Raises ImapLoginFailed where it cannot be had."""
        ...

    async def token(self) -> str | None:
        """An OAuth 2.0 access token for XOAUTH2; None where a password is used."""
        ...


@dataclass(frozen=True, kw_only=True)
class Account:
    server: Server
    username: str
    credentials: Credentials = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The server's end: its IP address, and the version of TLS (`TLSv1.3`), None in the clear."""

    ip: str
    tls: str | None


@dataclass(frozen=True, kw_only=True)
class Selected:
    """A folder as it was opened (RFC 3501, section 6.3.1). `uid_next` is None where the server is silent."""

    name: str
    exists: int
    uid_validity: int
    uid_next: int | None
    read_only: bool


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One message without its content. `arrived_at` is INTERNALDATE (aware); `size` octets.

    `header` holds the header fields that were asked for, raw with CRLF line ends; empty where none were.
    """

    uid: int
    flags: frozenset[str]
    arrived_at: datetime
    size: int
    header: bytes = field(default=b"", repr=False)

    @property
    def seen(self) -> bool:
        return any(flag.lower() == SEEN.lower() for flag in self.flags)


class ImapError(GatewayError):
    """Base of what goes wrong with a server. `public` is one line of printable ASCII, no secret in it."""


class ImapUnavailable(ImapError):
    """No connection, BYE, a timeout, TLS that does not hold, or an answer that cannot be understood."""


class ImapLoginFailed(ImapError):
    """The server does not take the login, or the secret cannot be read."""


class ImapFolderMissing(ImapError):
    """The folder is not there, or may not be opened."""


class ImapRefused(ImapError):
    """NO or BAD to a command. `code` is the response code in capitals (OVERQUOTA, TRYCREATE), or empty."""

    def __init__(self, public: str, *, code: str = "", private: str = "") -> None:
        super().__init__(public, private=private)
        self.code = code


class ImapTooLarge(ImapError):
    """The server announced more octets than were asked for; they were not read, and the session is dead."""


class Session(Protocol):
    """One connection, logged in. Not for use by two tasks at a time."""

    @property
    def capabilities(self) -> frozenset[str]:
        """In capitals, as after the login."""
        ...

    @property
    def peer(self) -> Peer:
        """With whom this session is, for the decision log."""
        ...

    async def examine(self, folder: str) -> Selected:
        """Open read-only: nothing that follows changes a flag. Raises ImapFolderMissing."""
        ...

    async def select(self, folder: str) -> Selected:
        """Open for changes. Raises ImapFolderMissing."""
        ...

    async def uids(self, *, after: int = 0) -> Sequence[int]:
        """UIDs greater than `after` in the open folder, ascending."""
        ...

    async def unseen(self) -> Sequence[int]:
        r"""UIDs of the messages in the open folder that are not \Seen, ascending (UID SEARCH UNSEEN)."""
        ...

    async def find_header(self, field_name: str, text: str, *, since: date | None = None) -> Sequence[int]:
        """UIDs of messages whose header field contains the text (UID SEARCH HEADER).

        With `since` only of those that arrived (INTERNALDATE) on that day, by the server's clock, or later.
        """
        ...

    def summaries(self, uids: Sequence[int], *, fields: Sequence[str] = ()) -> AsyncIterator[Summary]:
        """Flags, dates, sizes, and the named header fields (BODY.PEEK), at most 200 UIDs a command.

        A message that has gone meanwhile is left out.
        """
        ...

    async def fetch(self, uid: int, *, most_octets: int) -> bytes | None:
        """One message, as the server has it (BODY.PEEK[]); None where it has gone.

        Raises ImapTooLarge.
        """
        ...

    async def move(self, uids: int | Sequence[int], folder: str) -> None:
        r"""Into another folder: MOVE, or COPY, then \Deleted and UID EXPUNGE of these UIDs alone.

        At most 200; those that have gone meanwhile are left out.

        Without MOVE and UIDPLUS it is ImapRefused: nothing else may ever be expunged by the way.
        Raises ImapRefused with TRYCREATE where the folder is not there.
        """
        ...

    async def ensure_folder(self, folder: str) -> None:
        """Create the folder where it is missing."""
        ...

    async def sent_folder(self) -> str | None:
        r"""The folder with the special use \Sent (RFC 6154); None where the server names none."""
        ...

    async def append(
        self, folder: str, octets: bytes, *, flags: Sequence[str] = (), arrived_at: datetime | None = None
    ) -> int | None:
        """Durable in the folder when it returns; the new UID, where UIDPLUS tells it.

        Raises ImapRefused with TRYCREATE, OVERQUOTA, LIMIT or TOOBIG.
        """
        ...

    async def idle(self, *, most_seconds: float) -> bool:
        """Wait until something happens in the open folder; False where nothing did.

        Raises ImapRefused where the server has no IDLE. A cut connection is noticed at once.
        """
        ...

    async def noop(self) -> None: ...


class Sessions(Protocol):
    """Whoever opens sessions."""

    def open(self, account: Account) -> AbstractAsyncContextManager[Session]:
        """Connect, verify TLS, log in; at the end log out. Raises ImapUnavailable, ImapLoginFailed."""
        ...
