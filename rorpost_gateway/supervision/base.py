"""What the watch knows of the rest of the house: whom it watches, and whose messages the log knows."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from rorpost_gateway.imap.base import Account
from rorpost_gateway.supervision.deadlines import Deadline, Outcome, ReadingTimes

Now = Callable[[], float]
"""Seconds since the epoch."""

NOTICE_WAITS_SECONDS = 12 * 3600.0  # at most, in memory, before it is given up

WaitUntil = Callable[[float], Coroutine[None, None, None]]
"""Wait until that moment, seconds since the epoch, by the clock that `Now` reads; may end before it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`sent_folder` None means the special use Sent (RFC 6154), else a folder of that name."""

    inbox: str = "INBOX"
    sent_folder: str | None = None
    interval_seconds: float = 900.0
    grace_seconds: float = 0.0
    escalate_after_seconds: float = 3600.0
    connections: int = 20  # at a time, in all; one a mailbox


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One of our function mailboxes, as the policy in force has it.

    `times` is None where the policy names no deadlines: what lies in it is counted all the same.
    """

    address: str
    name: str
    times: ReadingTimes | None
    account: Account
    phone: str | None = None
    on_duty: tuple[str, ...] = ()
    manager: str | None = None


Roster = Callable[[], Sequence[Watched]]
"""Whom to watch now; the same object as long as nothing has changed."""


class Place(StrEnum):
    """In which of a mailbox's folders a message lies."""

    INBOX = "inbox"
    SENT = "sent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """What a message says of itself, by which the log's line about it can be found.

    `decision_id` is what X-Rorpost-Verified names, where there is exactly one such field.
    """

    mailbox: str
    place: Place
    arrived_at: datetime
    decision_id: str | None
    message_id: str | None


class Known(Protocol):
    """Whose messages the decision log knows."""

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        """For each one whether the log tells of it. Raises LogUnavailable where it cannot be read."""
        ...


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The newest deadline of a mailbox that has its line in the log; `at` is aware."""

    at: datetime
    local: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Past:
    """What the log says of the time before this start.

    `down_since` is when the newest line before this start was written; None in a new log.
    """

    judged: dict[str, Judged]  # by mailbox
    down_since: datetime | None


class Lines(Protocol):
    """The decision log, as the watch uses it."""

    async def past(self, *, since: datetime) -> Past:
        """Read back, in files that may hold lines of `since` or later. Raises LogUnavailable."""
        ...

    async def write(self, lines: Sequence["DeadlineLine"]) -> None:
        """Durable when it returns. Raises LogUnavailable."""
        ...


@dataclass(frozen=True, kw_only=True)
class DeadlineLine:
    """What is written about one deadline. Figures are None where the mailbox could not be looked into."""

    mailbox: str
    deadline: str  # RFC 3339 with its offset
    outcome: Outcome
    unread: int | None = None
    oldest_unread: datetime | None = None
    in_inbox: int | None = None
    in_sent: int | None = None
    oldest: datetime | None = None
    foreign: int | None = None
    cause: str | None = None


class Telling(Protocol):
    """Who sends notices about deadlines that were missed. Returns at once, and raises nothing."""

    def missed(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        """To those on duty; where there is nobody, to the manager."""
        ...

    def still_unread(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        """To the manager."""
        ...
