"""What the decision log is told of an attempt. Pure.

The builders come from outside (`CopyRecords`): they clean what another server said,
so that nothing reaches the log that must not stand there.
"""

from typing import NotRequired, Protocol, TypedDict

from rorpost_gateway.decision import SENT_COPY_RULE, Action, Direction, Reason
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.queue.base import Copy, Purpose


class CopyLine(TypedDict):
    """What every line about a copy says. `policy` is the revision in force at the attempt."""

    decision_id: str
    direction: Direction
    channel: str | None
    policy: str | None
    reverse_path: str | None
    recipient: str | None
    queue_id: str
    message_id: str | None
    sealed_sha256: str | None
    rule: NotRequired[str]


class CopyRecord(Protocol):
    """Builds one line; every field but the two that identify the copy may be left out."""

    def __call__(
        self,
        *,
        decision_id: str,
        queue_id: str,
        direction: Direction = ...,
        action: Action = ...,
        reason: Reason | None = ...,
        channel: str | None = ...,
        policy: str | None = ...,
        reverse_path: str | None = ...,
        recipient: str | None = ...,
        message_id: str | None = ...,
        sealed_sha256: str | None = ...,
        next_hop: str | None = ...,
        reply: str | None = ...,
        attempt: int | None = ...,
        rule: str = ...,
    ) -> Record: ...


class CopyRecords(Protocol):
    """One builder for each thing that can happen to a copy here."""

    @property
    def relayed(self) -> CopyRecord: ...

    @property
    def deferred(self) -> CopyRecord: ...

    @property
    def bounced(self) -> CopyRecord: ...

    @property
    def delivered(self) -> CopyRecord: ...

    @property
    def held(self) -> CopyRecord: ...


def attempted(build: CopyRecord, copy: Copy, *, revision: str, reply: str, next_hop: str) -> Record:
    """The line of a finished attempt; attempts count from 1."""
    return build(**_line(copy, revision), next_hop=next_hop, reply=reply, attempt=copy.attempts + 1)


def held(build: CopyRecord, copy: Copy, *, revision: str, reason: Reason | None) -> Record:
    """The line of a copy that is kept: no longer allowed to leave, or (without a reason) untold of."""
    return build(**_line(copy, revision), action=Action.DEFER, reason=reason)


def _line(copy: Copy, revision: str) -> CopyLine:
    line = CopyLine(
        decision_id=copy.decision_id,
        direction=copy.message.direction,
        channel=copy.channel,
        policy=revision,
        reverse_path=copy.message.reverse_path,
        recipient=copy.recipient,
        queue_id=copy.message.queue_id,
        message_id=copy.message.message_id,
        sealed_sha256=copy.sealed_sha256,
    )
    if copy.purpose is Purpose.SENT_COPY:
        line["rule"] = SENT_COPY_RULE
    return line
