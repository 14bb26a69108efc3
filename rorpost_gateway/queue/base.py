"""What the rest of the house knows of the queue.

A *message* is what was submitted once; it has a queue id. A *copy* is what goes
to one recipient, sealed to that recipient alone; it is named QUEUE_ID/recipient.
Only sealed octets are ever stored.

A copy's life: pending → ready → claimed → (gone | ready again, later | held). One whose
relay has a free place goes from pending to claimed at once.
`pending` means that its decision line is not known to be durable yet; nobody may
send it. The order around a 250 is: insert_pending → lines durable → make_ready →
250. At start-up `pending` lists what a crash left over.

Claims carry the node's name and a lease, so that several gateways can share one
store: whoever finds a lease run out may claim the copy again. All times are
seconds since the epoch, UTC, given by the caller.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

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


class Queue(Protocol):
    """The store. Every method that changes something is durable when it returns.

    Raises QueueFull where the store has no room, QueueUnavailable for other faults.
    A queue id with no copies left is gone.
    """

    async def find_duplicates(self, digests: Collection[str], *, since: float) -> Mapping[str, str]:
        """Submission digests seen at or after `since`, each with its queue id.

        Only of copies that became ready: a pending one is nothing to rely on.
        """
        ...

    async def find_seals(self, guards: Collection[str]) -> Mapping[str, SeenSeal]:
        """Replay guards that are taken, by pending copies too."""
        ...

    async def insert_pending(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        """Store the message; with it, in one transaction, its copies' replay guards.

        Raises SealSeen where a guard is taken: then nothing is stored.
        """
        ...

    async def make_ready(self, queue_id: str, *, now: float, claim: Claim | None = None) -> None:
        """All pending copies of the message become ready, due at once; their digests count.

        With `claim` they are claimed with it, in the same step; sent copies never are: they
        wait for somebody who looks for them. Raises NotFound.
        """
        ...

    async def discard_pending(self, queue_id: str, recipient: str | None = None) -> None:
        """Forget pending copies (all of the message where `recipient` is None): never answered."""
        ...

    async def pending(self) -> Sequence[Copy]: ...

    async def claim(
        self,
        *,
        node: str,
        now: float,
        lease_seconds: float,
        limit: int,
        busy_domains: Collection[str] = (),
    ) -> Sequence[Copy]:
        """Take up to `limit` due copies (or ones whose lease ran out), oldest due first.

        Copies whose lane (`lane_of`) is among `busy_domains` are left alone.
        """
        ...

    async def sealed(self, queue_id: str, recipient: str) -> bytes:
        """The octets of a copy. Raises NotFound."""
        ...

    async def put_back(self, queue_id: str, recipient: str, retry: Retry) -> None:
        """A claimed copy becomes ready again, one attempt more."""
        ...

    async def mark_bounced(self, queue_id: str, recipient: str, *, now: float) -> None:
        """The bounce is in the log; the copy stays until its DSN has been delivered.

        Submission and replay guard are forgotten, as `finish` does.
        """
        ...

    async def finish(self, queue_id: str, recipient: str, *, undelivered: bool = False) -> None:
        """The copy is relayed, bounced with its DSN delivered, or removed: forget it.

        `undelivered` forgets its submission and its replay guard too: the same message sent
        again is a new one, since the first never arrived. Raises NotFound.
        """
        ...

    async def hold(self, queue_id: str, recipient: str | None, *, because: str) -> int:
        """Keep copies (all of the message where `recipient` is None) until released.

        Returns how many. Raises NotFound.
        """
        ...

    async def release(self, queue_id: str, recipient: str | None, *, now: float) -> int: ...

    async def retry_now(self, queue_id: str, recipient: str | None, *, now: float) -> int: ...

    async def list(self) -> Sequence[Copy]:
        """Every copy, oldest message first."""
        ...

    async def show(self, queue_id: str) -> Sequence[Copy]:
        """The copies of one message. Raises NotFound."""
        ...

    async def next_due(self) -> float | None:
        """When the earliest ready copy is due or the earliest lease runs out; None if never."""
        ...

    async def census(self, *, now: float) -> Mapping[str, Waiting]:
        """What waits, by the word that `rorpost queue list` has for it: pending, active, deferred, hold.

        A state in which there is nothing is left out. Takes as long as there are copies, and
        keeps nobody waiting.
        """
        ...

    async def require_writable(self, *, octets: int) -> None:
        """Raises what a new message of that size would meet now: QueueFull, QueueUnavailable."""
        ...

    async def bring_forward(self, *, latest: float) -> int:
        """Ready copies that are due later than `latest` become due then. How many there were."""
        ...

    async def release_claims(self, node: str) -> int:
        """At start-up: this node holds no claims; what it had claimed is ready again."""
        ...

    async def forget_submissions(self, *, before: float) -> int:
        """Drop submission digests older than `before`."""
        ...

    async def forget_seals(self, *, before: float) -> int:
        """Drop replay guards of messages received before a moment."""
        ...

    async def find_collected(
        self, account: str, uid_validity: int, uids: Collection[int]
    ) -> Mapping[int, Collected]:
        """Those of the UIDs on which has been decided."""
        ...

    async def note_collected(
        self, where: CollectedFrom, outcome: CollectedAs, *, now: float, to_tell: str | None = None
    ) -> bool:
        """Decided: it is not to be decided again. Noted once more, it is remembered for longer.

        `to_tell` is a digest (hex) of a refused message whose sender is to be told: whether it is so
        for the first time. False without one.
        """
        ...

    async def forget_collected(self, *, before: float) -> int:
        """Drop what was noted before a moment. How many messages that were."""
        ...

    async def close(self) -> None: ...
