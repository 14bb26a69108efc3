"""What the way out stands on: the parts it calls, put together once by the daemon."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.envelope import Login
from rorpost_gateway.openpgp.base import Engine, KeyIndex
from rorpost_gateway.policy.model import Policy, Source
from rorpost_gateway.queue.base import Claim, NewCopy, Queue, QueuedMessage
from rorpost_gateway.reply import NO_OWN_TEXTS, Language
from rorpost_gateway.stages import UNTIMED, Stages


class Logins(Protocol):
    async def verify(self, name: str, password: bytes) -> Login | None: ...

    def knows(self, name: str) -> bool: ...


class TakesOn(Protocol):
    """Who sends copies on as soon as they are ready, without looking for them in the queue."""

    def reserve(self, copies: Sequence[NewCopy]) -> Claim | None:
        """Places for these copies of one message; None where there are none for them all now."""
        ...

    def take_on(self, message: QueuedMessage, copies: Sequence[NewCopy], claim: Claim) -> None:
        """Copies in reserved places: they are claimed, since the message was received, and durable."""
        ...

    def look_for(self, message: QueuedMessage, copies: Sequence[NewCopy]) -> None:
        """Copies for which there were no places: they are ready in the queue, and durable."""
        ...

    def let_go(self, copies: Sequence[NewCopy]) -> None:
        """The places are not needed."""
        ...


@dataclass(frozen=True, kw_only=True)
class InForce:
    """Policy, keys and logins that belong together; replaced as a whole on reload.

    A transaction keeps the one it began with, so that one revision decides a message;
    one that its client keeps open for over a minute goes over to what is in force by then.
    """

    policy: Policy
    keys: KeyIndex
    logins: Logins

    @cached_property
    def user_headers(self) -> frozenset[str]:
        """The header fields in which some channel lets the sending user be stated."""
        rules = (self.policy.rules, *(channel.rules for channel in self.policy.channels))
        return frozenset(each.header for each in rules if Source.HEADER in each.sources)


@dataclass(frozen=True, kw_only=True)
class House:
    hostname: str
    own_domains: frozenset[str]
    language: Language
    message_size: int  # octets, as submitted
    sealed_size_for: Callable[[str], int]  # recipient's domain → octets its next hop takes
    in_force: Callable[[], InForce]
    records: Records
    engine: Engine
    queue: Queue
    log: DecisionLog
    relay_has_work: Callable[[], None]
    now: Callable[[], float]  # seconds since the epoch, UTC
    random: Callable[[int], bytes]
    relay: TakesOn | None = None  # None: it looks into the queue for everything
    stages: Stages = UNTIMED
    sent_copies: bool = False  # whether the sending mailbox gets a copy too
    # What this site says instead of what comes with the gateway.
    own_texts: Mapping[Reason, str] = field(default_factory=lambda: NO_OWN_TEXTS)
