"""One claimed copy: judged again, tried, and settled by what came of it.

Invariants: no copy leaves unless policy and keys, as they are at that moment, still allow
it. Trying and settling are two steps: what came of the first is written down by the
second, whatever else is broken off.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Verdict
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.queue.base import Copy, Purpose
from rorpost_gateway.relay.local import LocalMailboxes, NotAllowed
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.smtp_client.base import Attempt, Client, Deferred, Failed, Outgoing, Relayed, Routes
from rorpost_gateway.stages import Stage, Stages

_logger = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of a copy, by which revision of the policy. None: it had bounced before."""

    outcome: Attempt | Delivered | NotAllowed | None
    revision: str

    @property
    def arrived(self) -> bool:
        """Whether nothing more is to be done for it but to forget it."""
        return isinstance(self.outcome, Relayed | Delivered)


class Attempts:
    """`judge` and `revision` are of the policy in force, pure and quick."""

    def __init__(
        self,
        *,
        client: Client,
        routes: Routes,
        local: LocalMailboxes | None,
        settlement: Settlement,
        judge: Callable[[Copy], Verdict],
        revision: Callable[[], str],
        stages: Stages,
    ) -> None:
        self._client = client
        self._routes = routes
        self._local = local
        self._settlement = settlement
        self._judge = judge
        self._revision = revision
        self._stages = stages

    async def make(self, copy: Copy, octets: bytes) -> Tried:
        """Let the copy go on, if it still may. Raises what policy and mailboxes raise."""
        revision = self._revision()
        if copy.bounced_at is not None:
            return Tried(outcome=None, revision=revision)
        verdict = self._judge(copy)
        if not verdict.accepted:
            _logger.warning("copy is no longer allowed to leave", reason=verdict.reason.value)
            return Tried(outcome=NotAllowed(reason=verdict.reason), revision=revision)
        outcome = await self._try(copy, octets)
        if isinstance(outcome, NotAllowed):
            _logger.warning("copy is no longer allowed to be read", reason=outcome.reason.value)
        else:
            _logger.info("attempt", outcome=type(outcome).__name__.lower(), next_hop=outcome.next_hop)
        return Tried(outcome=outcome, revision=revision)

    async def settle(self, copy: Copy, tried: Tried, octets: bytes) -> None:
        """Raises LogUnavailable, and what the queue raises."""
        match tried.outcome:
            case None:
                await self._settlement.tell_of_bounce(copy, octets)
            case NotAllowed(reason=reason):
                await self._settlement.hold(copy, reason, octets, tried.revision)
            case attempt:
                await self._settlement.settle(copy, attempt, octets, tried.revision)

    async def put_back(self, copy: Copy) -> None:
        """Deferred after a fault of our own, with a text that tells nothing of the inside."""
        fault = Deferred(reply="4.3.0 a fault in this gateway; its log says more", next_hop="none")
        await self._settlement.settle(copy, fault, b"", self._revision())

    async def _try(self, copy: Copy, octets: bytes) -> Attempt | Delivered | NotAllowed:
        local, sent_copy = self._local, copy.purpose is Purpose.SENT_COPY
        if local is not None and (sent_copy or local.take(copy.recipient)):
            with self._stages.timed(Stage.DELIVER):
                return await local.attempt(copy, octets)
        if sent_copy:  # whatever became of the configuration, it never goes to a next hop
            return Failed(reply="5.3.5 there is no way to a Sent folder", next_hop="none")
        with self._stages.timed(Stage.RELAY):
            return await self._send(copy, octets)

    async def _send(self, copy: Copy, octets: bytes) -> Attempt:
        route = self._routes.for_recipient(copy.recipient)
        if route is None:
            reply = f"4.4.4 no route is configured for {domain_of(copy.recipient)}, and no default"
            return Deferred(reply=reply, next_hop="none")
        return await self._client.send(
            route,
            Outgoing(
                reverse_path=copy.message.reverse_path,
                recipient=copy.recipient,
                octets=octets,
                envid=copy.outer_message_id.strip("<>").partition("@")[0],
                notify=copy.notify,
                # The client's own words stay here, as its ENVID does: they may tell of what is sealed.
                original_recipient=f"rfc822;{copy.recipient}" if copy.original_recipient else None,
            ),
        )
