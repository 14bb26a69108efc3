"""The words of the queue: what is queued, and what is told of it. See `base`, which has them for others."""

from dataclasses import dataclass, field
from enum import StrEnum

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Notify

HELD_BY_OPERATOR = "operator"  # `held_because` of an operator's hold


class Purpose(StrEnum):
    MESSAGE = "message"
    SENT_COPY = "sent-copy"  # for the Sent folder of the mailbox that sent the message


class State(StrEnum):
    PENDING = "pending"
    READY = "ready"  # due at `next_attempt_at`; operators read it as active or deferred
    CLAIMED = "claimed"
    HELD = "held"


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """What all copies of one submission share."""

    queue_id: str
    direction: Direction
    reverse_path: str  # of the sealed message: the sending function mailbox
    message_id: str | None  # of the message as submitted, with its angle brackets
    received_at: float
    size: int  # octets as submitted
    policy: str  # revision that decided it
    declared_user: str | None
    declared_by: str | None
    ret: str | None = None  # RET as the client asked; what goes on is HDRS
    envid: str | None = None  # the client's, for its DSNs (xtext as received)


@dataclass(frozen=True, kw_only=True)
class NewCopy:
    """One sealed copy on its way into the queue."""

    recipient: str
    decision_id: str
    channel: str
    outer_message_id: str  # Message-ID of the sealed message; its hex also serves as ENVID
    encrypted_to: str  # primary fingerprint
    encrypted_to_subkey: str
    signed_by: str  # primary fingerprint
    signed_by_subkey: str
    sealed_sha256: str
    sealed: bytes = field(repr=False)  # the whole outer message, CRLF line ends
    submission_digest: str = ""  # hex; of reverse-path, recipient, Message-ID and content
    replay_guard: str = ""  # hex; inbound: of the signed payload, its signer and the recipient
    notify: frozenset[Notify] | None = None
    original_recipient: str | None = None
    purpose: Purpose = Purpose.MESSAGE


@dataclass(frozen=True, kw_only=True)
class SeenSeal:
    """What came before under the same replay guard."""

    queue_id: str
    sealed_sha256: str


def copy_name(message: QueuedMessage, recipient: str) -> str:
    return f"{message.queue_id}/{recipient}"


def lane_of(recipient: str, purpose: Purpose) -> str:
    """What a copy is claimed by: its recipient's domain; for a sent copy a name that no domain has.

    So mail never waits for a server that takes no sent copies.
    """
    domain = domain_of(recipient)
    return domain if purpose is Purpose.MESSAGE else f"{purpose}:{domain}"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy as the queue holds it, without its octets."""

    message: QueuedMessage
    recipient: str
    decision_id: str
    channel: str
    outer_message_id: str
    encrypted_to: str
    encrypted_to_subkey: str
    signed_by: str
    signed_by_subkey: str
    sealed_sha256: str
    sealed_size: int
    notify: frozenset[Notify] | None
    original_recipient: str | None
    state: State
    attempts: int  # finished attempts
    next_attempt_at: float
    claimed_by: str | None
    lease_until: float | None
    last_reply: str | None  # of the last attempt, one ASCII line
    last_next_hop: str | None
    warned_at: float | None  # when the delay warning went out
    bounced_at: float | None  # when the bounce line was logged; what is left is the DSN
    held_because: str | None  # a reason code, or "operator"
    purpose: Purpose = Purpose.MESSAGE

    @property
    def name(self) -> str:
        return copy_name(self.message, self.recipient)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who sends, and until when nobody else may (seconds since the epoch, UTC)."""

    node: str
    lease_until: float


def as_claimed(message: QueuedMessage, new: NewCopy, claim: Claim, *, now: float) -> Copy:
    """What a queue tells of a new copy that became ready at `now`, in somebody's hands."""
    return Copy(
        message=message,
        recipient=new.recipient,
        decision_id=new.decision_id,
        channel=new.channel,
        outer_message_id=new.outer_message_id,
        encrypted_to=new.encrypted_to,
        encrypted_to_subkey=new.encrypted_to_subkey,
        signed_by=new.signed_by,
        signed_by_subkey=new.signed_by_subkey,
        sealed_sha256=new.sealed_sha256,
        sealed_size=len(new.sealed),
        notify=new.notify,
        original_recipient=new.original_recipient,
        state=State.CLAIMED,
        attempts=0,
        next_attempt_at=now,
        claimed_by=claim.node,
        lease_until=claim.lease_until,
        last_reply=None,
        last_next_hop=None,
        warned_at=None,
        bounced_at=None,
        held_because=None,
        purpose=new.purpose,
    )


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A claimed copy goes back: when it is due again and what the attempt was told."""

    next_attempt_at: float
    reply: str
    next_hop: str
    warned_at: float | None = None  # set where the delay warning went out just now


class CollectedAs(StrEnum):
    """What was decided on a message that was collected from a mailbox."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class CollectedFrom:
    """Where a collected message lies: names it for good (RFC 3501, section 2.3.1.1).

    `account` is `username@host:port/folder`.
    """

    account: str
    uid_validity: int
    uid: int


@dataclass(frozen=True, kw_only=True)
class Collected:
    outcome: CollectedAs
    noted_at: float


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The copies in one state."""

    copies: int
    octets: int  # sealed
    oldest_received_at: float
