"""What one listener is told: addresses, TLS, bounds. Frozen, no I/O."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rorpost_gateway.envelope import TrustedNetwork


class TlsMode(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OFF = "off"  # loopback addresses only


@dataclass(frozen=True, kw_only=True)
class ListenerSettings:
    """One `listen` list with everything that is the same for all its sessions.

    `listen` holds `host:port` with IPv6 hosts in brackets; port 0 lets the system choose.
    `auth` says whether logins are taken at all. Timeouts follow RFC 5321, section 4.5.3.2.
    """

    listen: tuple[str, ...]
    hostname: str
    tls: TlsMode = TlsMode.STARTTLS
    certificate: Path | None = None  # PEM, with its chain
    key: Path | None = None
    clear_text_on_loopback: bool = True  # whether clients on this machine may do without TLS
    message_size_octets: int = 36_700_160
    recipients: int = 100
    connections: int = 1000
    connections_per_client: int = 50
    auth: bool = True
    trusted_networks: tuple[TrustedNetwork, ...] = ()
    command_timeout_seconds: float = 300.0
    data_timeout_seconds: float = 180.0
    handshake_timeout_seconds: float = 30.0
    login_timeout_seconds: float = 300.0  # in all, for who has to log in and has not
    session_timeout_seconds: float = 3600.0  # in all, from one message to the next
    data_grace_seconds: float = 300.0  # in all, for a message; after that it must have come
    data_octets_per_second: int = 1000  # at this rate at least, on the average of all its time
