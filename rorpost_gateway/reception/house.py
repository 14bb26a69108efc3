"""What the way out stands on: the parts it calls, put together once by the daemon."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.envelope import Login
from rorpost_gateway.openpgp.base import Engine, KeyIndex
from rorpost_gateway.policy.model import Policy, Source
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.reply import Language


class Logins(Protocol):
    async def verify(self, name: str, password: bytes) -> Login | None: ...

    def knows(self, name: str) -> bool: ...


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
