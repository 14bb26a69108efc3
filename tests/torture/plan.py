"""Where the daemon is killed, life after life: each named point in turn, and moments drawn by chance.

The points of a first start can be reached once only, each further on than the one
before. Some others need something to happen (a reload, an operator) or to have
happened (a torn line), and their kills say so.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from tests.crash.points import POINTS


class Needs(Enum):
    """What must happen in a life for the point to be reached; traffic happens in each."""

    NOTHING = "nothing"
    START = "a start that is killed before it is ready"
    FAILURES = "a next hop that refuses for good"
    DELAYS = "a next hop that puts off"
    RELOAD = "a reload"
    CHANNEL_LOST = "a reload that takes a channel away from what is queued"
    HOLD = "an operator who holds"
    RELEASE = "an operator who releases"
    REMOVE = "an operator who removes"
    TERM = "an orderly end"


@dataclass(frozen=True, kw_only=True)
class Kill:
    """`point` is None for a moment drawn by chance. `nth` counts the calls of the point."""

    point: str | None = None
    moment: str = ""
    nth: int = 1
    needs: Needs = Needs.NOTHING

    @property
    def name(self) -> str:
        return f"{self.moment} {self.point}" if self.point else "at random"


_FIRST = (
    ("signing-key", "before"),
    ("verifier-key", "before"),
    ("log-created", "before"),
    ("log-created", "after"),
    ("genesis", "in-first-line"),
    ("torn-mended", "in-first-line"),
    ("genesis", "after"),
    ("queue-schema", "before"),
    ("queue-linked", "before"),
    ("started-logged", "before"),
    ("started-logged", "after"),
    ("policy-kept", "before"),
    ("policy-kept", "after"),
    ("policy-logged", "after"),
)
ONLY_FIRST = frozenset(
    {"signing-key", "verifier-key", "log-created", "genesis", "queue-schema", "queue-linked"}
)

_AFTER_ANOTHER = {  # what the life before must have ended in
    "torn-mended": ("log-write", "in-first-line"),
    "pending-removed": ("pending", "after"),
    # A fresh copy is claimed as it becomes ready; claims of their own are for what an earlier life left.
    "claim": ("logged", "after"),
    "claim-uncommitted": ("logged", "after"),
}
_AT_START = (
    "started-logged",
    "policy-file",
    "torn-mended",
    "pending-removed",
    "pending-settled",
    "claims-released",
    "claim",
    "claim-uncommitted",
)
_NEEDS = {
    **dict.fromkeys(_AT_START, Needs.START),
    **dict.fromkeys(("bounced-logged", "mark-bounced", "tell"), Needs.FAILURES),
    **dict.fromkeys(("deferred-logged", "put-back", "expired-logged"), Needs.DELAYS),
    **dict.fromkeys(("policy-kept", "policy-logged"), Needs.RELOAD),
    **dict.fromkeys(("held-logged", "hold"), Needs.CHANNEL_LOST),
    "operator-held": Needs.HOLD,
    "operator-released": Needs.RELEASE,
    "release": Needs.RELEASE,
    "operator-removed": Needs.REMOVE,
    "stop-logged": Needs.TERM,
}
_SECOND_CALL = frozenset({"policy-kept", "policy-logged"})  # the first one is the start's
_MOMENTS: dict[str, tuple[str, ...]] = {
    "log-write": ("in-first-line", "before-first-newline", "between-lines", "after")
}
_MOMENTS |= dict.fromkeys(("relayed-written", "delivered-written"), ("in-first-line", "after"))
_MOMENTS |= {"torn-mended": ("in-first-line", "after")}
_MOMENTS |= {"checkpoints-write": ("in-first-line", "between-lines", "before-second-newline", "after")}
AT_RANDOM = 0.4  # how many kills at moments drawn by chance there are, to one at a point
_OFTEN = frozenset({"pending", "logged", "ready", "answered", "relayed", "relayed-logged", "marked"})


def first_starts() -> tuple[Kill, ...]:
    """The lives of a gateway that never came to stand, in their order."""
    return tuple(Kill(point=point, moment=moment, needs=Needs.START) for point, moment in _FIRST)


def kills(chance: random.Random) -> Iterator[Kill]:
    """Without end: all points in turn, in an order by chance, at another of their moments each time."""
    points = [point for point in POINTS if point not in ONLY_FIRST]
    begin = {point: chance.randrange(12) for point in points}
    for turn in itertools.count():
        chance.shuffle(points)
        for point in points:
            moments = _MOMENTS.get(point, ("before", "after"))
            moment = moments[(begin[point] + turn) % len(moments)]
            if point in _AFTER_ANOTHER:
                yield _kill(*_AFTER_ANOTHER[point], chance)
            yield _kill(point, moment, chance)
            if chance.random() < AT_RANDOM:
                yield Kill()


def _kill(point: str, moment: str, chance: random.Random) -> Kill:
    often = point in _OFTEN and moment in ("before", "after")
    nth = 2 if point in _SECOND_CALL else chance.randint(1, 4) if often else 1
    return Kill(point=point, moment=moment, nth=nth, needs=_NEEDS.get(point, Needs.NOTHING))
