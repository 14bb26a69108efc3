"""The stages of a message's way through this house, and whoever wants to know how long each takes, and
what was only suspected on it. No I/O.

Every part that does such work says so in one line, `with stages.timed(Stage.SEAL):`. Times are of
the clock on the wall, waiting included; work that ends with an error counts as well.
"""

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    RECEIVE = "receive"  # the message's octets, as fast as the client sends them
    JUDGE = "judge"  # reading the message, and the policy's answer
    SEAL = "seal"  # one copy
    OPEN = "open"  # inbound: decrypting and verifying
    QUEUE = "queue"  # durable as pending, and later as ready
    LOG = "log"  # the message's decision lines durable
    ANSWER = "answer"  # from the end of data to the reply: all of the above but receiving
    RELAY = "relay"  # one attempt at a next hop
    DELIVER = "deliver"  # one delivery into a mailbox behind this gateway


class Suspicion(StrEnum):
    """What a content rule cannot tell for certain: it is let through, and counted."""

    OUTSIDE_QUOTES = "outside_quotes"  # a quote without an address of its author


class Stages(Protocol):
    def timed(self, stage: Stage) -> AbstractContextManager[object]:
        """Measures what is done inside `with`. Cheap, never raises, used on the event loop only."""
        ...

    def suspected(self, suspicion: Suspicion) -> None:
        """Counts an accepted message. As cheap as that."""
        ...


class _Untimed:
    _nothing = nullcontext()

    def timed(self, stage: Stage) -> AbstractContextManager[object]:  # noqa: ARG002
        return self._nothing

    def suspected(self, suspicion: Suspicion) -> None:
        pass


UNTIMED: Stages = _Untimed()
