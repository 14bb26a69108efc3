"""One message on trial: the same envelope and octets for the daemon and for `explain`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.envelope import Login, TrustedNetwork


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`key_states` are what a case says of keys: address → what is wrong with its key."""

    name: str
    direction: Direction
    sender: str  # the function mailbox
    recipients: tuple[str, ...]
    octets: bytes = field(repr=False)
    at: datetime
    login: Login | None = None
    client: str = "192.0.2.7"
    trusted: tuple[TrustedNetwork, ...] = ()
    reverse_path: str | None = None  # where it is not the mailbox
    want: Reason | None = None
    key_states: Mapping[str, Reason | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it: the lines by recipient (None: refused at MAIL), and the last reply."""

    lines: tuple[Mapping[str, object], ...]
    reply: str


# Of a line: what only the writer knows, what sealing and queueing make anew each time, and
# what belongs to the session.
NOT_COMPARED = frozenset(
    {"n", "prev", "time", "node", "event", "decision_id", "queue_id", "content_sha256", "client", "tls"}
)


def compared(line: Mapping[str, object], direction: Direction) -> dict[str, object]:
    """The fields of a line that must be the same on both sides."""
    left_out = NOT_COMPARED | ({"sealed_sha256"} if direction is Direction.OUTBOUND else set())
    return {name: value for name, value in line.items() if name not in left_out}
