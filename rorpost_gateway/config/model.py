"""What config/rorpost.yaml says, frozen. Paths are absolute; durations are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from rorpost_gateway.audit.signatures import VerifierKey
from rorpost_gateway.config.delivery_model import (
    DeliveryMethod,
    DeliverySettings,
    ImapDelivery,
    MailServer,
    SentCopySettings,
    ShowPerson,
)
from rorpost_gateway.config.imap_model import CollectSettings, ImapAccountSettings, XOAuth2Settings
from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.http.client import Url
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp import settings as smtp
from rorpost_gateway.smtp_client import base as smtp_client

__all__ = [
    "AccessSettings",
    "CollectSettings",
    "Config",
    "DecisionLogSettings",
    "DeliveryMethod",
    "DeliverySettings",
    "ImapAccountSettings",
    "ImapDelivery",
    "Inbound",
    "InboundSmtp",
    "Limits",
    "Listening",
    "MailServer",
    "MetricsSettings",
    "NextHop",
    "NotifySettings",
    "OpenPgp",
    "Relay",
    "SentCopySettings",
    "ShowPerson",
    "Submission",
    "SupervisionSettings",
    "TimestampSettings",
    "WitnessSettings",
    "XOAuth2Settings",
]


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Addresses that mail is taken at, and how they are protected."""

    listen: tuple[str, ...]
    tls: smtp.TlsMode
    certificate: Path | None
    key: Path | None
    clear_text_on_loopback: bool  # whether clients on this machine may do without TLS


@dataclass(frozen=True, kw_only=True)
class Submission(Listening):
    """Where Outlook connects."""

    users: Path | None
    trusted_networks: tuple[TrustedNetwork, ...]


@dataclass(frozen=True, kw_only=True)
class InboundSmtp(Listening):
    """Where partners connect, and from which networks."""

    allowed_networks: tuple[TrustedNetwork, ...]


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """The way in; `smtp` is None where partners do not come by SMTP."""

    smtp: InboundSmtp | None
    max_age_seconds: float  # of a signature
    imap: tuple[CollectSettings, ...] = ()
    poll_seconds: float = 60.0  # where a server has no IDLE, and at the latest anyway


@dataclass(frozen=True, kw_only=True)
class NextHop:
    host: str
    port: int
    tls: smtp_client.TlsMode
    ca: Path | None
    username: str | None
    password_file: Path | None
    max_size_octets: int
    connections: int


@dataclass(frozen=True, kw_only=True)
class Relay:
    default: NextHop | None
    routes: dict[str, NextHop]
    retry: Schedule

    @property
    def hops(self) -> tuple[NextHop, ...]:
        """Every configured next hop."""
        return (*((self.default,) if self.default else ()), *self.routes.values())

    def next_hop(self, domain: str) -> NextHop | None:
        """Where mail for a domain goes; None where nothing is configured."""
        return self.routes.get(domain.lower(), self.default)


@dataclass(frozen=True, kw_only=True)
class NotifySettings:
    """Who takes mail about deadlines that were missed, and from which address it comes."""

    server: MailServer  # protocol SMTP
    sender: str


@dataclass(frozen=True, kw_only=True)
class SupervisionSettings:
    """The watch over our mailboxes. `sent_folder` as in SentCopySettings."""

    account: ImapAccountSettings
    inbox: str
    sent_folder: str | None
    interval_seconds: float
    grace_seconds: float  # how long after a deadline what had arrived by it may still be read
    escalate_after_seconds: float
    connections: int  # at a time
    notify: NotifySettings | None


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """Managers are reminded so many days before an authorisation ends, the longest time first.

    `mail` is None where those who take notices of `supervision` take reminders too.
    """

    remind_days: tuple[int, ...]
    mail: NotifySettings | None


@dataclass(frozen=True, kw_only=True)
class OpenPgp:
    engine: str
    home: Path
    passphrase_file: Path | None

    def passphrase(self) -> str | None:
        """The private keys' passphrase, read from its file now; without its line end."""
        if self.passphrase_file is None:
            return None
        return self.passphrase_file.read_text(encoding="utf-8").rstrip("\r\n")


@dataclass(frozen=True, kw_only=True)
class WitnessSettings:
    """Whom checkpoints are sent to. `url` is the submission prefix; `ca` whom to trust for its TLS."""

    url: Url
    key: VerifierKey
    ca: Path | None  # None: the system's authorities


@dataclass(frozen=True, kw_only=True)
class TimestampSettings:
    """Who time-stamps a checkpoint a day; `ca` holds the authorities that its signature must lead to."""

    url: Url
    ca: Path


@dataclass(frozen=True, kw_only=True)
class DecisionLogSettings:
    dir: Path
    signing_key_file: Path
    origin: str
    witness_file: Path  # a copy of the newest checkpoint, outside `dir`
    witnesses: tuple[WitnessSettings, ...] = ()
    timestamps: TimestampSettings | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    message_size: int  # octets, as submitted
    sealed_size: int  # octets, as relayed
    recipients: int
    connections: int
    connections_per_client: int
    in_flight_bytes: int


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """Where figures and health are served, over plain HTTP."""

    listen: str  # IP:PORT


POLICY_QUIET_SECONDS: Final = 5.0


class PolicyReload(StrEnum):
    """When policy, keys and logins are read anew."""

    SIGNAL = "signal"  # at SIGHUP
    WATCH = "watch"  # and once the policy's files have changed and stood still for `policy_quiet`


class PolicyTests(StrEnum):
    """Whether a policy is held to its own cases before it is used."""

    OFF = "off"
    REQUIRE = "require"


@dataclass(frozen=True, kw_only=True)
class Config:
    file: Path
    node: str
    hostname: str
    domains: frozenset[str]
    timezone: ZoneInfo
    state_dir: Path
    policies: Path
    submission: Submission
    inbound: Inbound | None
    delivery: DeliverySettings
    relay: Relay
    openpgp: OpenPgp
    queue_url: str
    decision_log: DecisionLogSettings
    limits: Limits
    metrics: MetricsSettings | None
    processes: int  # beside the daemon's own
    language: Language
    supervision: SupervisionSettings | None = None
    access: AccessSettings | None = None
    policy_reload: PolicyReload = PolicyReload.SIGNAL
    policy_quiet_seconds: float = POLICY_QUIET_SECONDS
    policy_tests: PolicyTests = PolicyTests.OFF
    reply_texts: Mapping[Language, Mapping[Reason, str]] = field(default_factory=dict)  # the site's own

    @property
    def maildir_root(self) -> Path | None:
        """Where our own mailboxes lie; None where a mail server keeps them."""
        return self.delivery.maildir_root

    @property
    def imap_accounts(self) -> dict[str, ImapAccountSettings]:
        """Every IMAP account, by the key that it stands under; that of sent copies is `delivery.imap` too."""
        found = {
            f"inbound.imap[{index}]": one.account
            for index, one in enumerate(self.inbound.imap if self.inbound else ())
        }
        delivery = self.delivery.imap or self.delivery.sent_copy
        if delivery is not None:
            found["delivery.imap"] = delivery.account
        if self.supervision is not None:
            found["supervision.imap"] = self.supervision.account
        return found

    @property
    def reminders(self) -> NotifySettings | None:
        """Who takes reminders of authorisations that end; None where nobody is reminded."""
        if self.access is None:
            return None
        return self.access.mail or (self.supervision.notify if self.supervision else None)

    @property
    def mail_servers(self) -> dict[str, MailServer]:
        """Every server that takes plain mail, by the key that it stands under."""
        found = {}
        if self.delivery.server is not None:
            found[f"delivery.{self.delivery.server.protocol}"] = self.delivery.server
        if self.supervision is not None and self.supervision.notify is not None:
            found["supervision.notify.smtp"] = self.supervision.notify.server
        if self.access is not None and self.access.mail is not None:
            found["access.mail.smtp"] = self.access.mail.server
        return found

    @property
    def control_socket(self) -> Path:
        return self.state_dir / "control.socket"

    @property
    def kept_policies(self) -> Path:
        """Every revision ever loaded, as REVISION.json."""
        return self.state_dir / "policies"
