"""A queue of the first schema becomes one of the newest: nothing lost, and the same as a new one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue import schema
from rorpost_gateway.queue.base import CollectedAs, CollectedFrom, State
from rorpost_gateway.queue.schema import SCHEMA_VERSION, make_schema, migrate
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from rorpost_gateway.queue.sqlite_file import APPLICATION_ID
from rorpost_gateway.queue.statements import load_statements

NOW = 1_790_000_000.0
_MESSAGE = """INSERT INTO messages (queue_id, direction, reverse_path, received_at, size, policy)
              VALUES ('06GC8M3C00000001', 'outbound', 'rorpost.a@motala.se', 1790000000.0, 3, 'ab')"""
_COPY = """INSERT INTO copies (copy_id, queue_id, recipient, recipient_domain, decision_id, channel,
                               outer_message_id, encrypted_to, encrypted_to_subkey, signed_by,
                               signed_by_subkey, sealed_sha256, sealed_size, submission_digest, state,
                               next_attempt_at)
           VALUES (1, '06GC8M3C00000001', 'rorpost.b@partner.se', 'partner.se', 'd1', 'kanal', '<a@b>',
                   'AA', 'AB', 'BA', 'BB', 'cc', 6, '', 'ready', 1790000000.0)"""
_SEALED = "INSERT INTO sealed (copy_id, octets) VALUES (1, x'736c75746574')"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A store as the first version made it, with one message in it."""
    path = tmp_path / "queue.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in load_statements("schema.sql").values():
            connection.execute(statement)
        for statement in (_MESSAGE, _COPY, _SEALED):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    path.chmod(0o600)
    return path


@pytest.fixture
def connection(first: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(first, isolation_level=None)) as connection:
        yield connection


def schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return {
        (row[0], row[1], " ".join((row[2] or "").split()))
        for row in connection.execute("SELECT type, name, sql FROM sqlite_schema")
    }


def version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


async def test_what_lay_in_the_old_one_lies_in_the_new_one(first: Path) -> None:
    queue = await open_sqlite_queue(first)
    try:
        [copy] = await queue.list()
        assert copy.recipient == "rorpost.b@partner.se"
        assert copy.state is State.READY
        assert await queue.sealed("06GC8M3C00000001", "rorpost.b@partner.se") == b"slutet"
        where = CollectedFrom(account="a", uid_validity=1, uid=1)
        await queue.note_collected(where, CollectedAs.TAKEN, now=NOW)
    finally:
        await queue.close()
    with closing(sqlite3.connect(first)) as connection:
        assert version_of(connection) == SCHEMA_VERSION


def test_a_store_that_has_grown_is_the_same_as_a_new_one(connection: sqlite3.Connection) -> None:
    migrate(connection)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        make_schema(new)
        assert schema_of(connection) == schema_of(new)
        assert version_of(connection) == version_of(new) == SCHEMA_VERSION


def test_once_is_enough(connection: sqlite3.Connection) -> None:
    migrate(connection)
    before = connection.total_changes
    migrate(connection)
    assert connection.total_changes == before


def test_a_step_that_fails_leaves_the_old_store(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = schema_of(connection)
    whole = dict(load_statements("schema_2.sql"))

    def broken(file: str) -> dict[str, str]:
        assert file == "schema_2.sql"
        return {**whole, "last": "CREATE NONSENSE"}

    monkeypatch.setattr(schema, "load_statements", broken)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert schema_of(connection) == before
    assert version_of(connection) == 1
    assert not connection.in_transaction


def test_a_newer_one_is_left_as_it_is(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 99")
    before = schema_of(connection)
    with pytest.raises(QueueUnavailable, match="schema version 99"):
        migrate(connection)
    assert schema_of(connection) == before


def test_somebody_else_was_faster(connection: sqlite3.Connection, first: Path) -> None:
    with closing(sqlite3.connect(first, isolation_level=None)) as other:
        migrate(other)
    migrate(connection)
    assert version_of(connection) == SCHEMA_VERSION
