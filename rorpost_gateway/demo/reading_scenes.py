"""One day of home care's mailbox, as its readers and those who answer for it live it. Data, no I/O."""

from dataclasses import dataclass
from datetime import time
from enum import Enum, auto
from typing import Final

from rorpost_gateway.demo import names

READ_AT: Final = ("08:00", "13:00")


class Happening(Enum):
    """What is done at a moment, or waited for."""

    LETTER = auto()  # the partner writes
    READ = auto()  # Anna opens whatever is unread
    ROUND_THE_GATEWAY = auto()  # a message is laid into the inbox by somebody who may write to it
    DEADLINE = auto()
    TOLD = auto()  # the next mail about it
    LOOK = auto()  # what a mail client shows


@dataclass(frozen=True, kw_only=True)
class Moment:
    """`at` is local time; `want` is what there is to be seen from outside afterwards."""

    at: time
    story: str
    happening: Happening
    want: str


DAY: Final = (
    Moment(
        at=time(7, 35),
        story="Brinken writes to home care",
        happening=Happening.LETTER,
        want="1 in the inbox, 1 unread",
    ),
    Moment(
        at=time(7, 50),
        story="Anna reads it",
        happening=Happening.READ,
        want="1 in the inbox, 0 unread",
    ),
    Moment(
        at=time(8, 0),
        story="The first deadline: all read",
        happening=Happening.DEADLINE,
        want="met, 0 unread",
    ),
    Moment(
        at=time(12, 40),
        story="Brinken writes, nobody looks",
        happening=Happening.LETTER,
        want="2 in the inbox, 1 unread",
    ),
    Moment(
        at=time(12, 45),
        story="Mail comes round the gateway",
        happening=Happening.ROUND_THE_GATEWAY,
        want="3 in the inbox, 1 unread",
    ),
    Moment(
        at=time(13, 0),
        story="The second deadline",
        happening=Happening.DEADLINE,
        want="missed, 1 unread (12:40), 1 foreign",
    ),
    Moment(
        at=time(13, 0),
        story="Whoever is on duty is told",
        happening=Happening.TOLD,
        want=f"mail to {names.DORIS}",
    ),
    Moment(
        at=time(14, 0),
        story="The manager is told as well",
        happening=Happening.TOLD,
        want=f"mail to {names.EVA}",
    ),
    Moment(
        at=time(14, 1),
        story="The watch has marked nothing",
        happening=Happening.LOOK,
        want="3 in the inbox, 1 unread",
    ),
)
