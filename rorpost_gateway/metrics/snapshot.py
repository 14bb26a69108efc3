"""How the gateway stands at one moment: what is asked for at a scrape rather than counted. Frozen, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorpost_gateway.queue.base import Waiting


@dataclass(frozen=True, kw_only=True)
class ListenerFigures:
    connections: int
    most_connections: int
    certificate_expires_at: float | None  # seconds since the epoch; None without TLS, or where unreadable


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One key that one function mailbox depends on."""

    mailbox: str
    use: str  # seal, sign
    fingerprint: str  # of the primary; empty where there is no key
    forecast: str  # fine, expires-soon, key-missing, ...
    expires_at: float | None  # seconds since the epoch, infinite for never; None where there is no such key


@dataclass(frozen=True, kw_only=True)
class ChannelStopFigure:
    """A channel that stops soon, or has stopped, because a mailbox has no key left."""

    channel: str
    mailbox: str
    fingerprint: str  # of the last key; empty where there never was one
    at: float  # seconds since the epoch; 0 where it has stopped


@dataclass(frozen=True, kw_only=True)
class ChannelFigures:
    """How many channels of the policy there are in each state, and the soonest that stop."""

    counts: Mapping[str, int]  # fine, stops-soon, stopped
    stops: Sequence[ChannelStopFigure]


@dataclass(frozen=True, kw_only=True)
class PolicyFigures:
    revision: str
    counts: Mapping[str, int]  # mailboxes, channels, pairs, authorisations, keys
    loaded_at: float  # seconds since the epoch
    reload_refused: bool  # the last reload; what was in force is so still


@dataclass(frozen=True, kw_only=True)
class WitnessFigures:
    """How one witness of the log stands."""

    name: str
    size: int  # entries it has cosigned, as far as is known
    failures: int
    conflict: bool  # it held what this log is no continuation of


@dataclass(frozen=True, kw_only=True)
class TimestampFigures:
    """The newest time-stamp of the log: of how many entries, and when; zeros where there is none yet."""

    failures: int
    size: int
    at: float  # seconds since the epoch, by the authority's clock


@dataclass(frozen=True, kw_only=True)
class CollectingFigures:
    """How one mailbox that mail is collected from stands. `account` is `username@host:port/folder`."""

    account: str
    outcomes: Mapping[str, int]
    up: bool
    last_success_at: float | None  # seconds since the epoch; None before the first


@dataclass(frozen=True, kw_only=True)
class FolderFigures:
    """One folder of a watched mailbox; `oldest_at` is seconds since the epoch, None where it is empty."""

    messages: int
    oldest_at: float | None


@dataclass(frozen=True, kw_only=True)
class MailboxFigures:
    """A watched mailbox, as the newest look that saw something found it; None before there was one."""

    mailbox: str
    up: bool | None
    looked_at: float | None  # seconds since the epoch
    unread: int | None
    foreign: int | None
    folders: Mapping[str, FolderFigures]  # inbox, sent


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    version: str
    python: str
    engine: str
    queue: Mapping[str, Waiting] | None  # by state's word; None where the queue does not answer
    listeners: Mapping[str, ListenerFigures]
    in_flight_octets: int
    limits: Mapping[str, int]  # by the name they have in the configuration
    policy: PolicyFigures
    keys: Sequence[KeyFigure]
    disk_free_octets: Mapping[str, int]  # of the file systems of queue and log
    checks: Mapping[str, bool]  # by name: whether all is well
    witnesses: Sequence[WitnessFigures] = ()
    collecting: Sequence[CollectingFigures] = ()
    timestamps: TimestampFigures | None = None  # None where no authority is configured
    mailboxes: Sequence[MailboxFigures] = ()
    notices: Mapping[str, int] | None = None  # by outcome; None where nobody is told
    channels: ChannelFigures | None = None  # None where the keys cannot be asked
    reminders: Mapping[str, int] | None = None  # by outcome; None where nobody is reminded
