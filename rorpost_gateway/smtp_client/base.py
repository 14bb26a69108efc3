"""What the rest of the house knows of the SMTP client: routes, and what an attempt yields.

Every outcome carries one line of printable ASCII. A line that begins with three
digits is the next hop's own reply; one that begins with an enhanced status code
(RFC 3463) is this gateway's own finding, such as an expired certificate, so that
nobody mistakes the one for the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from rorpost_gateway.address import domain_of
from rorpost_gateway.envelope import Notify


class MailProtocol(StrEnum):
    """What is spoken with a next hop."""

    SMTP = "smtp"
    LMTP = "lmtp"  # RFC 2033: to a mail store, which answers for each recipient


class TlsMode(StrEnum):
    """How the connection to a next hop is protected."""

    VERIFY = "verify"  # STARTTLS; certificate chain and host name are checked
    ENCRYPT = "encrypt"  # STARTTLS; the certificate is not checked
    OFF = "off"  # in the clear: to loopback only


@dataclass(frozen=True, kw_only=True)
class Route:
    """A next hop. `ca` None means the system's certificate authorities.

    With `socket`, the path of a Unix socket, `host` and `port` are not used, and `tls` is off:
    what such a socket carries does not leave this machine.
    """

    host: str
    port: int
    hostname: str  # ours, for EHLO
    tls: TlsMode = TlsMode.VERIFY
    ca: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    max_size_octets: int | None = None
    connections: int = 4
    socket: Path | None = None
    protocol: MailProtocol = MailProtocol.SMTP

    def __post_init__(self) -> None:
        if self.socket is not None and self.tls is not TlsMode.OFF:
            raise ValueError("there is no TLS over a Unix socket")

    @property
    def next_hop(self) -> str:
        """`host:port`, as decision lines and DSNs name it; `localhost:PATH` for a Unix socket."""
        if self.socket is not None:
            return f"localhost:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Routes:
    """Which next hop takes the mail of a domain."""

    default: Route | None
    by_domain: Mapping[str, Route]

    def for_recipient(self, address: str) -> Route | None:
        """The route of the address's domain, or the default; None where there is neither."""
        return self.by_domain.get(domain_of(address).lower(), self.default)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message to one recipient. `octets` has CRLF line ends throughout, dots not stuffed."""

    reverse_path: str  # empty for the null path
    recipient: str
    octets: bytes = field(repr=False)
    envid: str | None = None  # ours; plain ASCII, not xtext
    notify: frozenset[Notify] | None = None
    ret: str = "HDRS"
    original_recipient: str | None = None  # as received (addr-type;xtext)


@dataclass(frozen=True, kw_only=True)
class Relayed:
    """The next hop took responsibility.

    `notify_taken` says that it also took over the duty of DSNs (RFC 3461, section 5.2.1).
    """

    reply: str
    next_hop: str
    notify_taken: bool = False


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """Not now: a 4xx, a fault on the way, or something an operator must mend."""

    reply: str
    next_hop: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Never: a 5xx to this transaction, or larger than the next hop takes."""

    reply: str
    next_hop: str


Attempt = Relayed | Deferred | Failed


class Client(Protocol):
    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        """Make one attempt. Never raises for what a network or a peer can do."""
        ...

    async def close(self) -> None:
        """Say goodbye to every idle connection."""
        ...
