"""What the rest of the house knows of the decision log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

JsonValue = str | int | bool | None | list[str] | Mapping[str, int]


class Event(StrEnum):
    GENESIS = "genesis"
    START = "start"
    STOP = "stop"
    POLICY = "policy"
    DECISION = "decision"
    LOGIN_FAILED = "login-failed"
    RELAYED = "relayed"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    DELIVERED = "delivered"
    READ = "read"
    EXPIRED = "expired"
    HELD = "held"  # by the gateway or an operator
    RELEASED = "released"
    REMOVED = "removed"
    MAILBOX = "mailbox"
    REMINDER = "reminder"  # a manager was told that an authorisation will end
    EXTRACT = "extract"
    KEY = "key"  # the log's signing key was rotated
    KEYRING = "keyring"  # an operator changed the OpenPGP keys by a command
    PURGED = "purged"
    HEARTBEAT = "heartbeat"
    TORN = "torn"
    DAY = "day"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line to be, without what only the writer knows (`n`, `prev`, `time`, `node`).

    `fields` holds what has a meaning for the event; a field whose value is unknown
    is None and is written as null; a field without meaning is left out.
    """

    event: Event
    fields: Mapping[str, JsonValue]


class DecisionLog(Protocol):
    async def append(self, records: Sequence[Record]) -> int:
        """Append the records, in order and next to each other; return the last `n`.

        Durable when it returns. Raises LogUnavailable if it is not known to be
        durable; after that the log takes nothing more until the daemon restarts.
        """
        ...

    async def close(self) -> None: ...
