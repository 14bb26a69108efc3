"""The policy as it is in force: frozen, with a table for every question asked of it.

Invariants, held by `load`: addresses are lower case; every mailbox a channel names is
defined; at one moment a directed pair stands in at most one channel; a mailbox outside
this side's domains has at least one pinned key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Direction, Position
from rorpost_gateway.facts import Look
from rorpost_gateway.policy.attachment_rules import AttachmentRules

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedKey:
    """A key by its full primary fingerprint, upper-case hex. `accept_until` is its last day, where set."""

    fingerprint: str
    accept_until: date | None
    position: Position


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorisation:
    """One person may act as one mailbox, from the first day to the last, both included."""

    user: str
    name: str | None
    requested_by: str
    executed_by: str
    valid_from: date
    valid_until: date
    position: Position
    key: str | None = None  # fingerprint of the person's own signing key, at a partner's mailbox

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOn:
    """The days on which a mailbox is read. Monday is weekday 0, as in `date.weekday`.

    `on_holidays` says whether a Swedish holiday on one of these weekdays counts as well.
    """

    weekdays: frozenset[int]
    on_holidays: bool


WORKING_DAYS = ReadOn(weekdays=frozenset(range(5)), on_holidays=False)
EVERY_DAY = ReadOn(weekdays=frozenset(range(7)), on_holidays=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailbox:
    """A function mailbox. `users` may list one person several times, for periods that do not overlap."""

    address: str
    name: str  # the address itself, where the policy gives none
    phone: str | None
    manager: str | None
    read_at: tuple[time, ...]
    users: Mapping[str, tuple[Authorisation, ...]]
    keys: tuple[PinnedKey, ...]  # in order of preference
    position: Position
    read_on: ReadOn = WORKING_DAYS
    on_duty: tuple[str, ...] = ()  # who hears first that it was not read

    @property
    def domain(self) -> str:
        return domain_of(self.address)

    def keys_on(self, day: date) -> tuple[str, ...]:
        """The pinned fingerprints that count on a day, in order of preference."""
        if not self.keys:
            return ()
        return tuple(
            [key.fingerprint for key in self.keys if key.accept_until is None or day <= key.accept_until]
        )


class Source(StrEnum):
    """Where the sending user may be stated; `signature` has a meaning inbound only."""

    HEADER = "header"
    SENDER = "sender"
    LOGIN = "login"
    SIGNATURE = "signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules of one channel, the policy's own and the built-in defaults filled in.

    `positions` says where a rule was written: its key (`urgent`, `declared_user.sources`) → place.
    """

    sources: tuple[Source, ...] = (Source.HEADER, Source.SENDER)
    header: str = "X-Rorpost-Sending-User"
    inbound_user_required: bool = True
    recipients_in_header: bool = True
    identity_number_refused: bool = True
    identity_number_in_names_refused: bool = True
    outside_quotes_refused: bool = True
    attachments: AttachmentRules | None = None  # None: anything may be attached
    urgent_refused: bool = True
    unprotected_headers_refused: bool = True
    legal_basis: tuple[str, ...] | None = None
    authorisation_max_days: int = 366
    positions: Mapping[str, Position] = field(default_factory=dict)

    def looks_at(self, direction: Direction) -> Look:
        """What these rules have to know of a message's content."""
        look = Look.QUOTES if self.outside_quotes_refused else Look(0)
        if self.identity_number_in_names_refused and direction is Direction.OUTBOUND:
            look |= Look.NAMES
        if self.attachments is not None:
            look |= Look.ATTACHMENTS
        return look


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """Who may write to whom. `pairs` are directed."""

    name: str
    pairs: tuple[Pair, ...]
    owner: str | None
    decision: str | None
    valid_from: date | None
    valid_until: date | None
    rules: Rules
    position: Position
    validity_position: Position

    def in_force(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )

    def overlaps(self, other: "Channel") -> bool:
        """Whether both are in force on some day."""
        first = max(self.valid_from or date.min, other.valid_from or date.min)
        last = min(self.valid_until or date.max, other.valid_until or date.max)
        return first <= last


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything that was loaded together. `canonical` is its RFC 8785 form, `revision` the
    lower-case hex SHA-256 of that.
    """

    revision: str
    canonical: bytes = field(repr=False)
    timezone: ZoneInfo
    mailboxes: Mapping[str, Mailbox]
    channels: tuple[Channel, ...]
    rules: Rules
    pairs: Mapping[Pair, tuple[Channel, ...]] = field(repr=False)
    known: frozenset[str] = field(repr=False)
    user_domains: Mapping[str, frozenset[str]] = field(repr=False)

    def mailbox(self, address: str) -> Mailbox | None:
        """The function mailbox of this address (in any case), if the policy defines it."""
        return self.mailboxes.get(address.lower())

    def knows(self, address: str) -> bool:
        """Whether the address stands in the policy: a mailbox, a user, or somebody responsible."""
        return address.lower() in self.known

    def is_person(self, address: str, own_domains: frozenset[str]) -> bool:
        """Whether the address is listed as a user of some mailbox in `own_domains`."""
        return not own_domains.isdisjoint(self.user_domains.get(address.lower(), frozenset()))

    def day(self, at: datetime) -> date:
        """The day of a moment (aware), where the policy is at home."""
        return at.astimezone(self.timezone).date()

    def counts(self) -> dict[str, int]:
        """How much there is of what."""
        return {
            "mailboxes": len(self.mailboxes),
            "channels": len(self.channels),
            "pairs": len(self.pairs),
            "authorisations": sum(
                len(periods) for mailbox in self.mailboxes.values() for periods in mailbox.users.values()
            ),
            "keys": sum(len(mailbox.keys) for mailbox in self.mailboxes.values()),
        }
