"""How messages and copies stand in rows, and how rows become copies again. Pure."""

import sqlite3

from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Notify
from rorpost_gateway.queue.base import Copy, NewCopy, Purpose, QueuedMessage, State, lane_of

Value = str | int | float | bytes | None


def message_row(message: QueuedMessage) -> dict[str, Value]:
    """What `insert_arrival` is told of a message."""
    return {
        "queue_id": message.queue_id,
        "direction": message.direction.value,
        "reverse_path": message.reverse_path,
        "message_id": message.message_id,
        "received_at": message.received_at,
        "size": message.size,
        "policy": message.policy,
        "declared_user": message.declared_user,
        "declared_by": message.declared_by,
        "ret": message.ret,
        "envid": message.envid,
    }


def copy_row(copy: NewCopy) -> dict[str, Value]:
    """What `insert_arrival` is told of a copy."""
    return {
        "recipient": copy.recipient,
        "recipient_domain": lane_of(copy.recipient, copy.purpose),
        "decision_id": copy.decision_id,
        "channel": copy.channel,
        "outer_message_id": copy.outer_message_id,
        "encrypted_to": copy.encrypted_to,
        "encrypted_to_subkey": copy.encrypted_to_subkey,
        "signed_by": copy.signed_by,
        "signed_by_subkey": copy.signed_by_subkey,
        "sealed_sha256": copy.sealed_sha256,
        "sealed_size": len(copy.sealed),
        "submission_digest": copy.submission_digest,
        "notify": None if copy.notify is None else ",".join(sorted(copy.notify)),
        "original_recipient": copy.original_recipient,
        "purpose": copy.purpose.value,
        "octets": copy.sealed,
    }


def seal_row(message: QueuedMessage, copy: NewCopy) -> dict[str, Value]:
    """The parameters of `take_seal`."""
    return {
        "guard": copy.replay_guard,
        "sealed_sha256": copy.sealed_sha256,
        "queue_id": message.queue_id,
        "recipient": copy.recipient,
        "seen_at": message.received_at,
    }


def copy_of(row: sqlite3.Row) -> Copy:
    """The copy that a row of the view `entries` describes."""
    return Copy(
        message=_message_of(row),
        recipient=row["recipient"],
        decision_id=row["decision_id"],
        channel=row["channel"],
        outer_message_id=row["outer_message_id"],
        encrypted_to=row["encrypted_to"],
        encrypted_to_subkey=row["encrypted_to_subkey"],
        signed_by=row["signed_by"],
        signed_by_subkey=row["signed_by_subkey"],
        sealed_sha256=row["sealed_sha256"],
        sealed_size=row["sealed_size"],
        notify=_notify_of(row["notify"]),
        original_recipient=row["original_recipient"],
        state=State(row["state"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        claimed_by=row["claimed_by"],
        lease_until=row["lease_until"],
        last_reply=row["last_reply"],
        last_next_hop=row["last_next_hop"],
        warned_at=row["warned_at"],
        bounced_at=row["bounced_at"],
        held_because=row["held_because"],
        purpose=Purpose(row["purpose"]),
    )


def _message_of(row: sqlite3.Row) -> QueuedMessage:
    return QueuedMessage(
        queue_id=row["queue_id"],
        direction=Direction(row["direction"]),
        reverse_path=row["reverse_path"],
        message_id=row["message_id"],
        received_at=row["received_at"],
        size=row["size"],
        policy=row["policy"],
        declared_user=row["declared_user"],
        declared_by=row["declared_by"],
        ret=row["ret"],
        envid=row["envid"],
    )


def _notify_of(text: str | None) -> frozenset[Notify] | None:
    if text is None:
        return None
    return frozenset(Notify(word) for word in text.split(",") if word)
