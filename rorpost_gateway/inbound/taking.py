"""From an accepted message to a 250 on the way in: replay guard, pending, logged, ready.

What is queued is the message as received, still sealed. The same seal again is a
duplicate; the same signed content in another seal is a replay. `reception.promise` has
the steps to the 250.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.errors import GatewayError, SealSeen
from rorpost_gateway.inbound.opened import OpenedMessage
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.queue.base import NewCopy, QueuedMessage, SeenSeal
from rorpost_gateway.queue.identity import RANDOM_OCTETS, new_queue_id
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House
from rorpost_gateway.reception.promise import Promise

log = structlog.get_logger()

Accepted = Sequence[tuple[Recipient, Verdict]]


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the way in needs beside the house: the opener, and its bounds."""

    opener: Opener
    message_size: int  # octets, sealed, as received
    longest_octets: int  # of what is inside
    max_age: timedelta
    taking: WeakValueDictionary[str, asyncio.Lock]  # what is being taken in, by the hash of what is signed
    promise: Promise
    still_open: StillOpen = field(default_factory=StillOpen.nothing)


class Replayed(GatewayError):
    """The signed content has come before in another seal: nothing was queued."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A message that the policy accepted for every recipient."""

    octets: bytes = field(repr=False)
    opened: OpenedMessage
    path: ReversePath
    accepted: Accepted


@dataclass(frozen=True, kw_only=True)
class Taken:
    """`reason` is DUPLICATE only where every recipient's copy had been taken before."""

    reason: Reason
    queue_id: str


class Taker:
    """Takes one message in."""

    def __init__(self, house: House, means: Means) -> None:
        self._house = house
        self._means = means

    async def take(self, arrival: Arrival, account: Account) -> Taken:
        """Queue what has not come before, with its lines durable.

        Raises Replayed, QueueFull, QueueUnavailable, LogUnavailable.
        """
        async with self._alone(arrival.opened.covered_sha256):
            return await self._take(arrival, account)

    def _alone(self, covered_sha256: str) -> asyncio.Lock:
        """The same content twice at once: the second waits to learn what it is."""
        lock = self._means.taking.get(covered_sha256)
        if lock is None:
            lock = self._means.taking[covered_sha256] = asyncio.Lock()
        return lock

    async def _take(self, arrival: Arrival, account: Account) -> Taken:
        earlier = await self._taken_before(arrival)
        lines = [
            _line(arrival, account, verdict, recipient, Reason.DUPLICATE, earlier[recipient.address].queue_id)
            for recipient, verdict in arrival.accepted
            if recipient.address in earlier
        ]
        fresh = [each for each in arrival.accepted if each[0].address not in earlier]
        if not fresh:
            await self._house.log.append(lines)
            return Taken(reason=Reason.DUPLICATE, queue_id=next(iter(earlier.values())).queue_id)
        return await self._queue(arrival, account, fresh, lines)

    async def _taken_before(self, arrival: Arrival) -> dict[str, SeenSeal]:
        """Recipients who got this very seal before. Raises Replayed if one got it in another."""
        guards = {arrival.opened.replay_guard(each.address): each.address for each, _ in arrival.accepted}
        seen = await self._house.queue.find_seals(list(guards))
        if any(seal.sealed_sha256 != arrival.opened.opened.packets_sha256 for seal in seen.values()):
            raise Replayed("the same signed content has come before")
        return {guards[guard]: seal for guard, seal in seen.items()}

    async def _queue(self, arrival: Arrival, account: Account, fresh: Accepted, lines: list[Record]) -> Taken:
        house, now = self._house, self._house.now()
        queue_id = new_queue_id(int(now * 1000), house.random(RANDOM_OCTETS))
        copies = [_copy(arrival, account.new_id(), recipient, verdict) for recipient, verdict in fresh]
        lines += [
            _line(arrival, account, verdict, recipient, Reason.OK, queue_id, decision_id=copy.decision_id)
            for (recipient, verdict), copy in zip(fresh, copies, strict=True)
        ]
        message = _message(arrival, account, fresh[0][1], queue_id, now)
        recipients = [copy.recipient for copy in copies]
        try:
            # The relay may ask for it before `keep` has returned.
            with self._means.still_open.left(queue_id, arrival.opened, recipients):
                await self._means.promise.keep(message, copies, lines)
        except SealSeen as error:
            raise Replayed("the same signed content has come before") from error
        log.info("queued", queue_id=queue_id, copies=len(copies), direction=Direction.INBOUND)
        return Taken(reason=Reason.OK, queue_id=queue_id)


def _copy(arrival: Arrival, decision_id: str, recipient: Recipient, verdict: Verdict) -> NewCopy:
    opened = arrival.opened
    return NewCopy(
        recipient=recipient.address,
        decision_id=decision_id,
        channel=verdict.channel or "",
        outer_message_id=opened.outer_facts.message_id or "",
        encrypted_to=opened.opened.opened_with.primary,
        encrypted_to_subkey=opened.opened.opened_with.subkey,
        signed_by=opened.signature.signer,
        signed_by_subkey=opened.signature.signer_subkey,
        sealed_sha256=opened.opened.packets_sha256,
        sealed=arrival.octets,
        replay_guard=opened.replay_guard(recipient.address),
        notify=recipient.notify,
        original_recipient=recipient.original_recipient,
    )


def _message(
    arrival: Arrival, account: Account, verdict: Verdict, queue_id: str, now: float
) -> QueuedMessage:
    declared = verdict.declared_user
    return QueuedMessage(
        queue_id=queue_id,
        direction=Direction.INBOUND,
        reverse_path=arrival.path.address,
        message_id=arrival.opened.facts.message_id,
        received_at=now,
        size=account.size or 0,
        policy=account.in_force.policy.revision,
        declared_user=declared.address if declared else None,
        declared_by=declared.declared_by if declared else None,
        ret=arrival.path.ret,
        envid=arrival.path.envid,
    )


def _line(
    arrival: Arrival,
    account: Account,
    verdict: Verdict,
    recipient: Recipient,
    reason: Reason,
    queue_id: str,
    **more: str,
) -> Record:
    return account.line(
        verdict,
        recipient.address,
        reason=reason,
        queue_id=queue_id,
        content_sha256=arrival.opened.content_sha256,
        **arrival.opened.said,
        **more,
    )
