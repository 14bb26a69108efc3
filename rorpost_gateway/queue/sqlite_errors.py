"""SQLite's errors, under this house's names."""

import sqlite3

from rorpost_gateway.errors import GatewayError, QueueFull, QueueUnavailable

_IOERR_SHMSIZE = 4874  # SQLITE_IOERR | (19 << 8): the shared-memory file could not grow
_PUBLIC = {
    sqlite3.SQLITE_BUSY: "the queue's store is locked by somebody else",
    sqlite3.SQLITE_LOCKED: "the queue's store is locked by somebody else",
    sqlite3.SQLITE_READONLY: "the queue's store cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the queue's store cannot be opened",
    sqlite3.SQLITE_NOTADB: "the queue's store is no queue",
    sqlite3.SQLITE_CORRUPT: "the queue's store is damaged",
}


def named(error: sqlite3.Error) -> GatewayError:
    """QueueFull where there was no room, QueueUnavailable for everything else.

    The private reason is SQLite's text and code; SQLite puts no values into it.
    """
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    private = f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
    if code & 0xFF == sqlite3.SQLITE_FULL or code == _IOERR_SHMSIZE:
        return QueueFull("the queue has no room", private=private)
    return QueueUnavailable(_PUBLIC.get(code & 0xFF, "the queue failed"), private=private)
