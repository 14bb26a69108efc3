"""The database file: made safely, recognised, opened with the settings that durability needs.

WAL with synchronous=FULL: a COMMIT that returned survives a power cut
(sqlite.org/wal.html). The file says what it is (`application_id`) and which
schema it has (`user_version`, see `schema`); a foreign or a newer one is left untouched.
"""

import errno
import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from rorpost_gateway.durable import sync_folder
from rorpost_gateway.errors import GatewayError, QueueUnavailable
from rorpost_gateway.queue.schema import make_schema, migrate, require_known
from rorpost_gateway.queue.sqlite_errors import named
from rorpost_gateway.queue.statements import load_statements

APPLICATION_ID = 0x726F7271  # "rorq"
BUSY_TIMEOUT_SECONDS = 5.0

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_PAGE_OCTETS = 16 * 1024  # twice as fast as the default for messages of 5 MB, the same for small ones
_WAL_KEPT_OCTETS = 64 * 1024 * 1024


def open_connection(path: Path, *, busy_timeout_seconds: float) -> sqlite3.Connection:
    """A connection to the queue's database, which is created where there is none.

    Raises QueueUnavailable for a file that is no queue, one of a newer schema, or
    one that cannot be read and written; QueueFull where there is no room for it.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise QueueUnavailable(f"SQLite {sqlite3.sqlite_version} is too old; 3.37 is needed")
    try:
        _require_private_file(path)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=busy_timeout_seconds
        )
    except sqlite3.Error as error:
        raise _at(path, named(error)) from error
    except OSError as error:
        raise QueueUnavailable(
            "the queue's store cannot be opened", private=f"{path}: {error.strerror}"
        ) from error
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        raise _at(path, named(error)) from error
    except GatewayError as error:
        connection.close()
        raise _at(path, error) from error
    return connection


def _at(path: Path, error: GatewayError) -> GatewayError:
    return type(error)(error.public, private=f"{path}: {error.private}")


def _require_private_file(path: Path) -> None:
    """There is a database, mode 0600; SQLite gives its -wal and -shm files the same mode.

    An existing file is never opened here: closing it would drop the locks that
    SQLite holds on it elsewhere in this process (POSIX locks belong to a process).
    """
    make_folder(path.parent)
    if not path.exists():
        _create(path)
    mode = path.stat().st_mode
    if mode & 0o077:
        path.chmod(mode & 0o700)
    # SQLite opens such a file all the same, and would tell at the first message only.
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, "it may not be read and written", str(path))


def make_folder(folder: Path) -> None:
    """Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _create(path: Path) -> None:
    """Put a new, empty queue at `path`: whole or not at all, and never over another one."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {_PAGE_OCTETS}")
            connection.execute("BEGIN IMMEDIATE")
            make_schema(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")
        with suppress(FileExistsError):  # somebody else was faster: theirs counts
            os.link(unfinished, path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    _require_queue(connection)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise QueueUnavailable("the queue's store lies on a file system without shared memory")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_OCTETS}")
    # What lies here is sealed, so deleted octets are not overwritten at the price of a second
    # write of each message; FAST clears what is touched anyway (the rows with the addresses).
    connection.execute("PRAGMA secure_delete = FAST")
    migrate(connection)
    add_triggers(connection)


def add_triggers(connection: sqlite3.Connection) -> None:
    """What the statements rely on; of the connection, so that the file stays as its schema says."""
    for statement in load_statements("triggers.sql").values():
        connection.execute(statement)


def _require_queue(connection: sqlite3.Connection) -> None:
    """Raises QueueUnavailable for a database that is no queue, or one of a newer schema."""
    if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise QueueUnavailable("the queue's store is empty, or another application's database")
    require_known(connection)


def _number(connection: sqlite3.Connection, statement: str) -> int:
    value = connection.execute(statement).fetchone()[0]
    return value if isinstance(value, int) else 0
