"""A queued copy as operators and their scripts see it: plain values, never content. Pure."""

from datetime import UTC, datetime
from typing import Any

from rorpost_gateway.queue.base import Copy, State


def entry_of(copy: Copy, now: float) -> dict[str, Any]:
    """What `rorpost queue list --json` prints of one copy. Times are RFC 3339, UTC."""
    message = copy.message
    return {
        "queue_id": message.queue_id,
        "state": state_word(copy, now),
        "size": message.size,
        "sealed_size": copy.sealed_size,
        "received": _time(message.received_at),
        "sender": message.reverse_path,
        "recipient": copy.recipient,
        "purpose": copy.purpose.value,
        "attempts": copy.attempts,
        "next_attempt": _time(copy.next_attempt_at if copy.state is State.READY else None),
        "last_reply": copy.last_reply,
        "last_next_hop": copy.last_next_hop,
        "held_because": copy.held_because,
        "claimed_by": copy.claimed_by,
        "lease_until": _time(copy.lease_until),
        "warned": _time(copy.warned_at),
        "bounced": _time(copy.bounced_at),
        "direction": message.direction.value,
        "channel": copy.channel,
        "policy": message.policy,
        "decision_id": copy.decision_id,
        "declared_user": message.declared_user,
        "declared_by": message.declared_by,
        "message_id": message.message_id,
        "outer_message_id": copy.outer_message_id,
        "encrypted_to": copy.encrypted_to,
        "signed_by": copy.signed_by,
        "sealed_sha256": copy.sealed_sha256,
        "notify": None if copy.notify is None else sorted(copy.notify),
    }


def state_word(copy: Copy, now: float) -> str:
    """Postfix's word for a copy's state: active, deferred or hold; pending has none there."""
    match copy.state:
        case State.HELD:
            return "hold"
        case State.PENDING:
            return "pending"
        case State.READY if copy.attempts and copy.next_attempt_at > now:
            return "deferred"
    return "active"


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
