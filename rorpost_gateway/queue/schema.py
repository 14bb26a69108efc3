"""The schema of the embedded queue, and how an older one becomes the newest.

Version 1 is `schema.sql`; each later version is what its own file adds to the one before.
A new store takes all of them, so that it is the same as one that has grown. A step is one
transaction: a store has a version whole, or not at all.
"""

import sqlite3
from itertools import chain

from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.statements import load_statements

_FILES = ("schema.sql", "schema_2.sql")  # in the order of the versions
SCHEMA_VERSION = len(_FILES)


def make_schema(connection: sqlite3.Connection) -> None:
    """Everything into an empty database, in the caller's transaction."""
    _add(connection, after=0)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the store to the newest version. Raises QueueUnavailable for one that is newer still."""
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        require_known(connection)
        _add(connection, after=_version(connection))  # somebody else may have been faster
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _add(connection: sqlite3.Connection, *, after: int) -> None:
    for statement in chain.from_iterable(load_statements(file).values() for file in _FILES[after:]):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def require_known(connection: sqlite3.Connection) -> None:
    """Raises QueueUnavailable for a store of a newer version than this gateway knows."""
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise QueueUnavailable(
            f"the queue's store has schema version {version}; this gateway knows {SCHEMA_VERSION}. "
            "Run the newer gateway that wrote it"
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
