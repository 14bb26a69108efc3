"""What reminding knows of the rest of the house: whose authorisation ends, and what the log remembers."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

Now = Callable[[], float]
"""Seconds since the epoch."""

WaitUntil = Callable[[float], Coroutine[None, None, None]]
"""Wait until that moment, seconds since the epoch, by the clock that `Now` reads; may end before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """An authorisation that nobody has renewed. `recipient` is to hear; `valid_until` is its last day."""

    mailbox: str
    mailbox_name: str
    user: str
    name: str | None
    valid_from: date
    valid_until: date
    recipient: str

    def days_left(self, day: date) -> int:
        """0 on its last day, negative where it is over."""
        return (self.valid_until - day).days


Endings = Callable[[int], Sequence[Ending]]
"""Those of the policy in force that will end in so many days, or fewer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A reminder that was sent, so many days before the last one."""

    mailbox: str
    user: str
    valid_until: date
    days_left: int


class Journal(Protocol):
    """The decision log, as reminding uses it."""

    async def past(self, *, since: datetime) -> Collection[Told]:
        """What was sent since a moment (aware), at least. Raises LogUnavailable."""
        ...

    async def write(self, sent: Sequence[Ending], *, day: date) -> None:
        """A line each, durable when it returns. Raises LogUnavailable."""
        ...
