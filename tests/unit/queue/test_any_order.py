"""Whatever is asked of the queue, in whatever order: its invariants hold."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.errors import NotFound, QueueUnavailable
from rorpost_gateway.queue import sqlite_operations as operations
from rorpost_gateway.queue.base import Retry, State
from rorpost_gateway.queue.schema import make_schema
from rorpost_gateway.queue.sqlite_file import add_triggers
from tests.peers.queues import BRINKEN, LYCKORNA, copy, message

LEASE = 5.0
IDS = ("06GC8M3C00000001", "06GC8M3C00000002")
Step = Callable[[sqlite3.Connection, float], object]


@contextmanager
def store() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        make_schema(connection)
        add_triggers(connection)
        yield connection


def step(draw: st.DrawFn) -> Step:
    identity = draw(st.sampled_from(IDS))
    recipient = draw(st.sampled_from((BRINKEN, LYCKORNA)))
    some = draw(st.sampled_from((BRINKEN, LYCKORNA, None)))
    because = draw(st.sampled_from(("operator", "key-expired")))
    node = draw(st.sampled_from(("gw1", "gw2")))
    limit = draw(st.integers(0, 2))
    steps: list[Step] = [
        lambda c, _: operations.insert_pending(c, message(identity), [copy(BRINKEN), copy(LYCKORNA)]),
        lambda c, now: operations.make_ready(c, identity, now),
        lambda c, _: operations.discard_pending(c, identity, some),
        lambda c, now: operations.claim(
            c, node=node, now=now, lease_seconds=LEASE, limit=limit, busy_domains=()
        ),
        lambda c, now: operations.put_back(
            c, identity, recipient, Retry(next_attempt_at=now + 3, reply="451", next_hop="mx")
        ),
        lambda c, now: operations.mark_bounced(c, identity, recipient, now),
        lambda c, _: operations.finish(c, identity, recipient, undelivered=False),
        lambda c, _: operations.finish(c, identity, recipient, undelivered=True),
        lambda c, _: operations.hold(c, identity, some, because),
        lambda c, now: operations.release(c, identity, some, now),
        lambda c, now: operations.retry_now(c, identity, some, now),
        lambda c, _: operations.release_claims(c, node),
    ]
    return draw(st.sampled_from(steps))


steps = st.composite(step)


def check(connection: sqlite3.Connection, now: float) -> None:
    copies = operations.list_all(connection)
    counts = [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("copies", "sealed")]
    assert counts == [len(copies)] * 2
    messages = connection.execute("SELECT count(*) FROM messages").fetchone()[0]
    assert messages == len({c.message.queue_id for c in copies})
    for c in copies:
        assert (c.state is State.HELD) == (c.held_because is not None)
        assert (c.claimed_by is None) == (c.lease_until is None)
        assert c.claimed_by is None or c.state in {State.CLAIMED, State.HELD}
    due = [
        c.next_attempt_at if c.state is State.READY else c.lease_until
        for c in copies
        if c.state in {State.READY, State.CLAIMED}
    ]
    assert operations.next_due(connection) == min((d for d in due if d is not None), default=None)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(steps(), st.floats(0, 4)), max_size=40))
def test_the_invariants_hold_after_every_step(walk: list[tuple[Step, float]]) -> None:
    now = 1000.0
    with store() as connection:
        for do, seconds in walk:
            now += seconds
            before = {c.name: c for c in operations.list_all(connection)}
            connection.execute("BEGIN")
            done: object = None
            with suppress(NotFound, QueueUnavailable):
                done = do(connection, now)
            connection.execute("COMMIT")
            for claimed in done if isinstance(done, list) else []:
                was = before[claimed.name]
                assert was.state is State.READY or (was.lease_until is not None and was.lease_until <= now)
            check(connection, now)
