"""The envelope: who brings a message, from whom, to whom. Frozen, no I/O.

RFC 5321 (MAIL, RCPT) and RFC 3461 (NOTIFY, ORCPT, RET, ENVID).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv6Network


class Notify(StrEnum):
    """What a sender wants to hear of a recipient (RFC 3461, section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, kw_only=True)
class Login:
    """Whom a login stands for. `address` is the person's own; `aliases` are other names of it."""

    name: str
    address: str
    aliases: frozenset[str] = frozenset()

    @cached_property
    def addresses(self) -> frozenset[str]:
        return self.aliases | {self.address}


@dataclass(frozen=True, kw_only=True)
class TrustedNetwork:
    """A network whose clients may submit without a login (an Exchange connector).

    `originator_org`, where set, must stand in the message's X-OriginatorOrg field.
    """

    network: str
    originator_org: str | None = None


@dataclass(frozen=True, kw_only=True)
class Client:
    """The other end of a session, as it is when a transaction begins."""

    ip: str
    loopback: bool = False
    helo: str = ""
    tls: str | None = None  # protocol version, such as "TLSv1.3"; None in clear text
    login: Login | None = None
    trusted: tuple[TrustedNetwork, ...] = ()  # every listed network the address lies in

    @property
    def network(self) -> str:
        """What one customer has, for limits: the IPv4 address, or the /64 of an IPv6 one (RFC 6177)."""
        if ":" not in self.ip:
            return self.ip
        return str(IPv6Network((self.ip, 64), strict=False))


@dataclass(frozen=True, kw_only=True)
class ReversePath:
    """MAIL FROM with its parameters. `address` is empty for the null path."""

    address: str
    size_octets: int | None = None
    ret: str | None = None  # FULL or HDRS
    envid: str | None = None  # xtext, as received
    body: str = "7BIT"


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """RCPT TO with its parameters. `notify` is None where the client did not say."""

    address: str
    notify: frozenset[Notify] | None = None
    original_recipient: str | None = None  # ORCPT, as received (addr-type;xtext)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One mail transaction up to DATA."""

    client: Client
    reverse_path: ReversePath
    recipients: tuple[Recipient, ...]
