"""What each event says: typed builders of records. Pure; clock and randomness are arguments.

Invariants: fields stand in the order of `FIELD_ORDER`, whatever the order of the
arguments. A field given as None is unknown and written as null; one that is not
given has no meaning for the event and is left out. Nothing that a client or
another server chose passes uncleaned: the builders clean it, so that no caller
can forget to. There is no field for a subject, content or a secret.

RFC 9562, section 5.7 (UUIDv7).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Required, TypedDict, Unpack

from rorpost_gateway.decision import Action, DeclaredBy, Direction, Reason
from rorpost_gateway.decision_log.aggregate import Aggregate
from rorpost_gateway.decision_log.base import Event, JsonValue, Record
from rorpost_gateway.decision_log.clean import CLIENT_OCTETS, clean, cut
from rorpost_gateway.decision_log.line import timestamp

LOG_FORMAT = "rorpost-decision-log/1"
REPLY_OCTETS = 510
OTHER_OCTETS = 1024
COUNTS = 64  # names in a table of counts
_ITEMS = 64  # texts in a list
_ITEM_OCTETS = 64

FIELD_ORDER = (
    *("decision_id", "direction", "action", "reason", "because_of", "channel", "policy", "legal_basis"),
    *("reverse_path", "recipient", "declared_user", "declared_by", "login", "client", "tls"),
    *("queue_id", "message_id", "size", "content_sha256", "sealed_sha256", "encrypted_to", "signed_by"),
    *("next_hop", "reply", "attempt", "rule", "operator", "count", "since", "counts", "revision", "previous"),
    *("vkey", "origin", "version", "file", "first", "last", "offset", "length", "sha256"),
    *("verb", "filters", "entries", "fingerprints", "decision"),
    *("previous_origin", "previous_entries", "previous_head"),
    *(
        "mailbox",
        "outcome",
        "deadline",
        "unread",
        "oldest_unread",
        "in_inbox",
        "in_sent",
        "oldest",
        "foreign",
    ),
    "cause",
    *("valid_until", "days_left"),
)
_RANK = {name: rank for rank, name in enumerate(FIELD_ORDER)}
_CLIENT_CHOSEN = frozenset(
    {"because_of", "legal_basis", "reverse_path", "recipient", "declared_user", "login", "message_id"}
)
_TO_BE_CLEANED = _CLIENT_CHOSEN | {"reply", "cause"}  # another server's words may repeat what was sent to it


class DecisionFields(TypedDict, total=False):
    """All that a decision can say. `because_of` is the recipient whose fault it was."""

    decision_id: str
    direction: Required[Direction]
    action: Required[Action]
    reason: Required[Reason]
    because_of: str | None
    channel: str | None
    policy: str | None
    legal_basis: str | None
    reverse_path: str | None
    recipient: str | None
    declared_user: str | None
    declared_by: DeclaredBy | None
    login: str | None
    client: str | None
    tls: str | None
    queue_id: str | None
    message_id: str | None
    size: int | None
    content_sha256: str | None
    sealed_sha256: str | None
    encrypted_to: str | None
    signed_by: str | None
    rule: str | None


class CopyFields(TypedDict, total=False):
    """What happened to one copy: an attempt, its outcome, or an operator's step."""

    decision_id: Required[str]
    direction: Direction
    action: Action
    reason: Reason | None
    channel: str | None
    policy: str | None
    reverse_path: str | None
    recipient: str | None
    declared_user: str | None
    declared_by: DeclaredBy | None
    queue_id: Required[str]
    message_id: str | None
    size: int | None
    sealed_sha256: str | None
    encrypted_to: str | None
    signed_by: str | None
    next_hop: str | None
    reply: str | None
    attempt: int | None
    rule: str  # where the copy is not the message itself
    operator: str | None


class LoginFields(TypedDict, total=False):
    """A login that failed, or how many did."""

    direction: Direction
    reason: Reason
    login: str | None
    client: Required[str]
    tls: str | None


class DeadlineFields(TypedDict):
    """What became of one reading deadline. Times are RFC 3339; figures are None where nobody could look."""

    mailbox: str
    outcome: str  # met, missed, unknown
    deadline: str
    unread: int | None
    oldest_unread: str | None
    in_inbox: int | None
    in_sent: int | None
    oldest: str | None
    foreign: int | None
    cause: str | None


class ReminderFields(TypedDict):
    """A manager was told, by mail, that an authorisation will end. The day is `YYYY-MM-DD`."""

    recipient: str
    declared_user: str
    mailbox: str
    valid_until: str
    days_left: int


class RestartFields(TypedDict, total=False):
    """What entry 0 of a log that was begun anew says of the one before; None where nobody could tell."""

    previous_origin: str | None
    previous_entries: int | None
    previous_head: str | None
    decision: str
    operator: str


@dataclass(frozen=True, kw_only=True)
class Records:
    """Builders of every line that a client, another server or an operator has a part in.

    `contains_identity_number` finds Swedish identity numbers in a text.
    `is_known` says of an address or a login that the policy or the users' file
    names it: such a one is written as it is.
    """

    contains_identity_number: Callable[[str], bool]
    is_known: Callable[[str], bool]

    def decision(self, **fields: Unpack[DecisionFields]) -> Record:
        return self._record(Event.DECISION, dict(fields))

    def login_failed(self, **fields: Unpack[LoginFields]) -> Record:
        defaults = {"direction": Direction.OUTBOUND, "reason": Reason.LOGIN_FAILED}
        return self._record(Event.LOGIN_FAILED, defaults | dict(fields))

    def relayed(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.RELAYED, dict(fields))

    def deferred(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.DEFERRED, dict(fields))

    def bounced(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.BOUNCED, dict(fields))

    def delivered(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.DELIVERED, dict(fields))

    def held(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.HELD, dict(fields))

    def released(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.RELEASED, dict(fields))

    def removed(self, **fields: Unpack[CopyFields]) -> Record:
        return self._record(Event.REMOVED, dict(fields))

    def mailbox(self, **fields: Unpack[DeadlineFields]) -> Record:
        return self._record(Event.MAILBOX, dict(fields))

    def reminder(self, **fields: Unpack[ReminderFields]) -> Record:
        return self._record(Event.REMINDER, dict(fields))

    def flood(self, aggregate: Aggregate, *, direction: Direction = Direction.OUTBOUND) -> Record:
        """The rest of a client's minute: how many more failed or were refused since `since`."""
        failed = aggregate.reason is Reason.LOGIN_FAILED
        fields = {
            "direction": direction,
            "action": Action.REJECT,
            "reason": aggregate.reason,
            "client": aggregate.client,
            "count": aggregate.count,
            "since": timestamp(aggregate.since),
        }
        if failed:
            del fields["action"]
        return self._record(Event.LOGIN_FAILED if failed else Event.DECISION, fields)

    def _record(self, event: Event, fields: dict[str, object]) -> Record:
        for name in _TO_BE_CLEANED.intersection(fields):
            value = fields[name]
            if isinstance(value, str):
                fields[name] = self._cleaned(name, value)
        return ordered(event, fields)

    def _cleaned(self, name: str, value: str) -> str:
        ours = name in _CLIENT_CHOSEN
        return clean(
            value,
            known=ours and self.is_known(value),
            contains_identity_number=self.contains_identity_number,
            octets=CLIENT_OCTETS if ours else REPLY_OCTETS,
        )


def genesis(*, vkey: str, origin: str, **restarted: Unpack[RestartFields]) -> Record:
    """Entry 0: whose log it is, and the key that signs its checkpoints; after a restart, what came before."""
    return ordered(Event.GENESIS, {"vkey": vkey, "origin": origin, "version": LOG_FORMAT, **restarted})


def start(*, version: str, policy: str | None = None) -> Record:
    """The daemon began: the program's version, the policy's revision."""
    return ordered(Event.START, {"version": version, "policy": policy})


def stop() -> Record:
    """The daemon ended cleanly; nothing was in hand."""
    return ordered(Event.STOP, {})


def policy(
    *,
    revision: str,
    previous: str | None,
    counts: Mapping[str, int],
    operator: str | None = None,
) -> Record:
    """A policy came into force: `counts` tells what was gained and lost (`channels_gained`, …)."""
    fields: dict[str, object] = {"revision": revision, "previous": previous, "counts": counts}
    if operator is not None:
        fields["operator"] = operator
    return ordered(Event.POLICY, fields)


def heartbeat() -> Record:
    """Nothing was logged for a minute; the silence is the log's own."""
    return ordered(Event.HEARTBEAT, {})


def torn(*, file: str, offset: int, length: int, sha256: str) -> Record:
    """Bytes right before this line that are no line: a write that a crash cut short."""
    return ordered(Event.TORN, {"file": file, "offset": offset, "length": length, "sha256": sha256})


def day(*, file: str, first: int, last: int, sha256: str) -> Record:
    """A new file began: the last one's name, its first and last entry, the SHA-256 of its bytes."""
    return ordered(Event.DAY, {"file": file, "first": first, "last": last, "sha256": sha256})


def ordered(event: Event, values: Mapping[str, object]) -> Record:
    """A record with its fields in their order, texts and tables bounded. Raises KeyError, TypeError."""
    names = sorted(values, key=_RANK.__getitem__)
    return Record(event=event, fields={name: _bounded(values[name]) for name in names})


def _bounded(value: object) -> JsonValue:
    if isinstance(value, str):
        return cut(value, OTHER_OCTETS)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, list):
        return [cut(str(item), _ITEM_OCTETS) for item in value[:_ITEMS]]
    if isinstance(value, Mapping):
        return {str(name)[:64]: int(number) for name, number in list(value.items())[:COUNTS]}
    raise TypeError("no value for a line")
