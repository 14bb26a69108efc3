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
from typing import Protocol

from rorpost_gateway.queue.words import (
    HELD_BY_OPERATOR,
    Claim,
    Collected,
    CollectedAs,
    CollectedFrom,
    Copy,
    NewCopy,
    Purpose,
    QueuedMessage,
    Retry,
    SeenSeal,
    State,
    Waiting,
    as_claimed,
    copy_name,
    lane_of,
)

__all__ = [
    "HELD_BY_OPERATOR",
    "Claim",
    "Collected",
    "CollectedAs",
    "CollectedFrom",
    "Copy",
    "NewCopy",
    "Purpose",
    "Queue",
    "QueuedMessage",
    "Retry",
    "SeenSeal",
    "State",
    "Waiting",
    "as_claimed",
    "copy_name",
    "lane_of",
]


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
