"""What the queue's methods do to the tables, each inside somebody else's transaction.

Every function touches nothing but the connection it is given, so that it can be
done again after a rollback. The connection has the triggers of `triggers.sql`: a
statement does all that belongs to it, since between two statements a thread waits
for the interpreter. Refusals are named errors; SQLite's own pass through.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence

from rorpost_gateway.errors import NotFound, QueueUnavailable, SealSeen
from rorpost_gateway.queue.base import (
    HELD_BY_OPERATOR,
    Claim,
    Collected,
    CollectedAs,
    CollectedFrom,
    Copy,
    NewCopy,
    QueuedMessage,
    Retry,
    SeenSeal,
    Waiting,
)
from rorpost_gateway.queue.rows import Value, copy_of, copy_row, message_row, seal_row
from rorpost_gateway.queue.statements import load_statements

# Beyond these SQLite's own copies of the octets cost more than a second step does.
_READ_APART_OCTETS = 1024 * 1024
_WRITTEN_APART_OCTETS = 8 * 1024 * 1024
_SQL = load_statements("statements.sql")


def insert_pending(connection: sqlite3.Connection, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
    for copy in copies:
        if copy.replay_guard and not _changed(connection, "take_seal", seal_row(message, copy)):
            raise SealSeen("the same signed content came before")
    try:
        shared = message_row(message)
        for nth, copy in enumerate(copies):
            row = {**shared, **copy_row(copy), "first": not nth}
            if len(copy.sealed) < _WRITTEN_APART_OCTETS:
                connection.execute(_SQL["insert_arrival"], row)
            else:
                _insert_large(connection, row, copy.sealed)
    except sqlite3.IntegrityError as error:
        raise QueueUnavailable("the queue id or a recipient is there already", private=str(error)) from error


def _insert_large(connection: sqlite3.Connection, row: Mapping[str, Value], octets: bytes) -> None:
    connection.execute(_SQL["insert_arrival"], {**row, "octets": b""})
    [(copy_id,)] = connection.execute(_SQL["make_room"], {**row, "octets": len(octets)}).fetchall()
    with connection.blobopen("sealed", "octets", copy_id) as blob:
        blob.write(octets)


def make_ready(
    connection: sqlite3.Connection, queue_id: str, now: float, claim: Claim | None = None
) -> list[str]:
    """The copies' submission digests, which count from now on."""
    parameters: dict[str, Value] = {
        "queue_id": queue_id,
        "now": now,
        "node": claim.node if claim else None,
        "lease_until": claim.lease_until if claim else None,
    }
    digests = [row[0] for row in connection.execute(_SQL["make_ready"], parameters).fetchall()]
    if not digests:
        raise NotFound(f"no pending message {queue_id}")
    return [digest for digest in digests if digest]


def discard_pending(connection: sqlite3.Connection, queue_id: str, recipient: str | None) -> None:
    connection.execute(_SQL["give_seals_back"], {"queue_id": queue_id, "recipient": recipient})
    connection.execute(_SQL["discard_pending"], {"queue_id": queue_id, "recipient": recipient})


def claim(
    connection: sqlite3.Connection,
    *,
    node: str,
    now: float,
    lease_seconds: float,
    limit: int,
    busy_domains: Collection[str],
) -> list[Copy]:
    parameters = {
        "node": node,
        "now": now,
        "lease_until": now + lease_seconds,
        "limit": max(0, limit),  # SQLite reads a negative one as "all"
        "busy_domains": json.dumps(sorted(busy_domains)),
    }
    ids = [row[0] for row in connection.execute(_SQL["claim"], parameters).fetchall()]
    return _entries(connection, "claimed_entries", {"copy_ids": json.dumps(ids)}) if ids else []


def put_back(connection: sqlite3.Connection, queue_id: str, recipient: str, retry: Retry) -> None:
    _change_claimed(
        connection,
        "put_back",
        queue_id,
        recipient,
        next_attempt_at=retry.next_attempt_at,
        reply=retry.reply,
        next_hop=retry.next_hop,
        warned_at=retry.warned_at,
    )


def mark_bounced(connection: sqlite3.Connection, queue_id: str, recipient: str, now: float) -> None:
    # It will not arrive, whenever its notice can be delivered: the same message sent again is a new one.
    _forget_that_it_came(connection, queue_id, recipient)
    _change_claimed(connection, "mark_bounced", queue_id, recipient, now=now)


def finish(connection: sqlite3.Connection, queue_id: str, recipient: str, *, undelivered: bool) -> None:
    if undelivered:
        _forget_that_it_came(connection, queue_id, recipient)
    if not _changed(connection, "finish", {"queue_id": queue_id, "recipient": recipient}):
        raise NotFound(f"no copy {queue_id}/{recipient} that may be forgotten")


def _forget_that_it_came(connection: sqlite3.Connection, queue_id: str, recipient: str) -> None:
    for statement in ("forget_submission", "forget_seal"):
        connection.execute(_SQL[statement], {"queue_id": queue_id, "recipient": recipient})


def hold(connection: sqlite3.Connection, queue_id: str, recipient: str | None, because: str) -> int:
    statement = "hold_by_operator" if because == HELD_BY_OPERATOR else "hold_by_gateway"
    return _change_some(connection, statement, queue_id, recipient, because=because)


def release(connection: sqlite3.Connection, queue_id: str, recipient: str | None, now: float) -> int:
    return _change_some(connection, "release", queue_id, recipient, now=now)


def retry_now(connection: sqlite3.Connection, queue_id: str, recipient: str | None, now: float) -> int:
    return _change_some(connection, "retry_now", queue_id, recipient, now=now)


def bring_forward(connection: sqlite3.Connection, latest: float) -> int:
    return _changed(connection, "bring_forward", {"latest": latest})


def release_claims(connection: sqlite3.Connection, node: str) -> int:
    return _changed(connection, "release_claims", {"node": node})


def forget_submissions(connection: sqlite3.Connection, before: float) -> int:
    return _changed(connection, "forget_submissions", {"before": before})


def find_seals(connection: sqlite3.Connection, guards: Collection[str]) -> Mapping[str, SeenSeal]:
    rows = connection.execute(_SQL["find_seals"], {"guards": json.dumps(list(guards))})
    return {guard: SeenSeal(queue_id=queue_id, sealed_sha256=sealed) for guard, queue_id, sealed in rows}


def forget_seals(connection: sqlite3.Connection, before: float) -> int:
    return _changed(connection, "forget_seals", {"before": before})


def find_collected(
    connection: sqlite3.Connection, account: str, uid_validity: int, uids: Collection[int]
) -> Mapping[int, Collected]:
    parameters: dict[str, Value] = {
        "account": account,
        "uid_validity": uid_validity,
        "uids": json.dumps(sorted(uids)),
    }
    rows = connection.execute(_SQL["find_collected"], parameters)
    return {
        uid: Collected(outcome=CollectedAs(outcome), noted_at=noted_at) for uid, outcome, noted_at in rows
    }


def note_collected(
    connection: sqlite3.Connection,
    where: CollectedFrom,
    outcome: CollectedAs,
    now: float,
    to_tell: str | None,
) -> bool:
    parameters: dict[str, Value] = {
        "account": where.account,
        "uid_validity": where.uid_validity,
        "uid": where.uid,
        "outcome": outcome.value,
        "now": now,
    }
    connection.execute(_SQL["note_collected"], parameters)
    return to_tell is not None and bool(_changed(connection, "note_told", {"digest": to_tell, "now": now}))


def forget_collected(connection: sqlite3.Connection, before: float) -> int:
    _changed(connection, "forget_told", {"before": before})
    return _changed(connection, "forget_collected", {"before": before})


def find_duplicates(
    connection: sqlite3.Connection, digests: Collection[str], since: float
) -> Mapping[str, str]:
    parameters: dict[str, Value] = {"digests": json.dumps(sorted(digests)), "since": since}
    return dict(connection.execute(_SQL["find_duplicates"], parameters).fetchall())


def submissions(connection: sqlite3.Connection) -> Iterator[tuple[str, float]]:
    """Every digest that is known, with when it was seen."""
    yield from connection.execute(_SQL["submissions"])


def sealed(connection: sqlite3.Connection, queue_id: str, recipient: str) -> bytes:
    parameters: dict[str, Value] = {"queue_id": queue_id, "recipient": recipient, "large": _READ_APART_OCTETS}
    row = connection.execute(_SQL["sealed_octets"], parameters).fetchone()
    if row is None:
        raise NotFound(f"no copy {queue_id}/{recipient}")
    octets, copy_id = row
    if octets is not None:
        return bytes(octets)
    with connection.blobopen("sealed", "octets", copy_id, readonly=True) as blob:
        return blob.read()


def pending(connection: sqlite3.Connection) -> list[Copy]:
    return _entries(connection, "pending_entries", {})


def list_all(connection: sqlite3.Connection) -> list[Copy]:
    return _entries(connection, "all_entries", {})


def show(connection: sqlite3.Connection, queue_id: str) -> list[Copy]:
    copies = _entries(connection, "entries_of_message", {"queue_id": queue_id})
    if not copies:
        raise NotFound(f"no message {queue_id} in the queue")
    return copies


def census(connection: sqlite3.Connection, now: float) -> Mapping[str, Waiting]:
    return {
        word: Waiting(copies=copies, octets=octets, oldest_received_at=oldest)
        for word, copies, octets, oldest in connection.execute(_SQL["census"], {"now": now})
    }


def next_due(connection: sqlite3.Connection) -> float | None:
    due: float | None = connection.execute(_SQL["next_due"]).fetchone()[0]
    return due


def _entries(connection: sqlite3.Connection, statement: str, parameters: Mapping[str, Value]) -> list[Copy]:
    return [copy_of(row) for row in connection.execute(_SQL[statement], parameters).fetchall()]


def _changed(connection: sqlite3.Connection, statement: str, parameters: Mapping[str, Value]) -> int:
    return connection.execute(_SQL[statement], parameters).rowcount


def _change_claimed(
    connection: sqlite3.Connection, statement: str, queue_id: str, recipient: str, **more: Value
) -> None:
    parameters: dict[str, Value] = {"queue_id": queue_id, "recipient": recipient, **more}
    if not _changed(connection, statement, parameters):
        raise NotFound(f"no claimed copy {queue_id}/{recipient}")


def _change_some(
    connection: sqlite3.Connection, statement: str, queue_id: str, recipient: str | None, **more: Value
) -> int:
    """How many copies changed; 0 where there are some but in another state. Raises NotFound."""
    key: dict[str, Value] = {"queue_id": queue_id, "recipient": recipient}
    changed = _changed(connection, statement, {**key, **more})
    if not changed and connection.execute(_SQL["exists"], key).fetchone() is None:
        raise NotFound(f"no {queue_id if recipient is None else f'{queue_id}/{recipient}'} in the queue")
    return changed
