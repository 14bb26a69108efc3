"""What the world outside the gateway saw: clients, the partner, the next hop, and whoever killed it.

Nothing here comes from the gateway's own files. Everything is appended as it happens,
by several threads, and read when all of them rest.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Way(StrEnum):
    OUT = "outbound"
    IN = "inbound"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One content. `allowed`: whether the policy lets it through, to whom it is for."""

    number: int
    way: Way
    recipients: tuple[str, ...]
    message_id: str
    allowed: bool

    @property
    def marker(self) -> str:
        return f"nr-{self.number:06d}-"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one recipient's share of a try was answered. `code` is None where the connection was cut."""

    run: int  # of the daemon, from 1
    message: Message
    recipient: str
    code: int | None
    reason: str | None = None
    queue_id: str | None = None

    @property
    def accepted(self) -> bool:
        return self.code == 250

    @property
    def refused(self) -> bool:
        return self.code is not None and self.code >= 400


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A copy that the next hop said 250 to. `octets` are kept of a sample only."""

    run: int  # of the daemon whose connection it came by
    recipient: str
    sealed_sha256: str
    octets: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One life of the daemon. `killed` is false where it ended by itself, with `exit_code`.

    `left` is the queue as it lay on disk afterwards: the state of each copy by decision id.
    """

    number: int
    killed: bool
    by: str  # "at random", or the point's name and moment
    point: str | None = None
    exit_code: int
    reached: bool = True  # the point it was to be killed at, where there was one
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Ledger:
    replies: list[Reply] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    run: int = 0  # the number of the one that goes on
    seen_in_clear: list[str] = field(default_factory=list)  # where plaintext was found while they ran
    orphans: list[str] = field(default_factory=list)  # processes that outlived their daemon
    unlike: list[str] = field(default_factory=list)  # seals that do not open to what was submitted
    opened: int = 0  # seals that do
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_replies(self, replies: list[Reply]) -> None:
        with self._lock:
            self.replies += replies

    def add_arrival(self, arrival: Arrival) -> None:
        with self._lock:
            self.arrivals.append(arrival)
