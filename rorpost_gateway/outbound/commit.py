"""From an accepted message to a 250 on the way out: sealed first, then as promised.

Nothing is in the queue before it is sealed; `reception.promise` has the steps after that.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import SENT_COPY_RULE, Direction, Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.errors import SealedTooLarge, SealingFailed
from rorpost_gateway.outbound.copies import sealed, with_line
from rorpost_gateway.outbound.sealing import Way
from rorpost_gateway.outbound.sent_copy import Sent, make_sent_copy
from rorpost_gateway.outbound.submitted import Submitted
from rorpost_gateway.queue.base import NewCopy, QueuedMessage
from rorpost_gateway.queue.identity import RANDOM_OCTETS, new_queue_id
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House
from rorpost_gateway.reception.promise import Promise

log = structlog.get_logger()

DUPLICATE_SECONDS = 3600.0
# Copies of one message that are sealed at the same time; the engine bounds the sum.
COPIES_AT_ONCE = 2
# Of messages above this one after the other: each copy that is being made holds it several times over.
ONE_BY_ONE_OCTETS = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Work:
    """A message that the policy accepted for every recipient."""

    sender: str  # the sending function mailbox
    path: ReversePath
    submitted: Submitted
    accepted: Sequence[tuple[Recipient, Verdict]]


@dataclass(frozen=True, kw_only=True)
class Committed:
    """`reason` is DUPLICATE only where every copy had been taken before."""

    reason: Reason
    queue_id: str


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What is sealed and queued together, under one queue id."""

    work: Work
    account: Account
    now: float
    queue_id: str
    fresh: Sequence[tuple[Recipient, Verdict]]
    digests: Mapping[str, str]  # recipient → `submission_digest`
    sent_copy: bool  # whether the sending mailbox is to have a copy

    @property
    def sent(self) -> Sent:
        first = self.fresh[0][1]
        return Sent(
            sender=self.work.sender,
            submitted=self.work.submitted,
            channel=", ".join(dict.fromkeys(verdict.channel or "" for _, verdict in self.work.accepted)),
            sending_user=first.declared_user.address if first.declared_user else None,
            queue_id=self.queue_id,
            received_at=self.now,
            digest=self.digests[SENT_COPY_RULE],
        )


_Sealed = tuple[NewCopy | None, Record]


class Committer:
    """Takes what the policy accepted; one for the whole daemon."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._submitting: WeakValueDictionary[tuple[str, str | None], asyncio.Lock] = WeakValueDictionary()
        self._promise = Promise(house)

    @property
    def in_hand(self) -> frozenset[str]:
        """See `Promise`."""
        return self._promise.in_hand

    async def commit(self, work: Work, account: Account) -> Committed:
        """Queue what was not queued before, with its lines durable.

        Raises SealingFailed, SealedTooLarge, QueueFull, QueueUnavailable, LogUnavailable.
        """
        async with self._alone(work):
            return await self._commit(work, account)

    def _alone(self, work: Work) -> AbstractAsyncContextManager[None]:
        """The same submission twice at once: the second waits to learn that it is a duplicate."""
        key = (work.sender, work.submitted.facts.message_id)
        lock = self._submitting.get(key)
        if lock is None:
            lock = self._submitting[key] = asyncio.Lock()
        return lock

    async def _commit(self, work: Work, account: Account) -> Committed:
        house = self._house
        now = house.now()
        digests = {each.address: submission_digest(work, each.address) for each, _ in work.accepted}
        if house.sent_copies:
            digests[SENT_COPY_RULE] = submission_digest(work, SENT_COPY_RULE)
        earlier = await self._taken_before(digests, now)
        lines = [
            account.line(
                verdict, recipient.address, reason=Reason.DUPLICATE, queue_id=earlier[recipient.address]
            )
            for recipient, verdict in work.accepted
            if recipient.address in earlier
        ]
        batch = _Batch(
            work=work,
            account=account,
            now=now,
            queue_id=new_queue_id(int(now * 1000), house.random(RANDOM_OCTETS)),
            fresh=[each for each in work.accepted if each[0].address not in earlier],
            digests=digests,
            sent_copy=house.sent_copies and SENT_COPY_RULE not in earlier,
        )
        if not batch.fresh:
            await house.log.append(lines)
            return Committed(reason=Reason.DUPLICATE, queue_id=next(iter(earlier.values())))
        made = await self._seal(batch)
        copies = [copy for copy, _ in made if copy is not None]
        lines += [line for _, line in made]
        await self._promise.keep(_message(batch), copies, lines)
        log.info("queued", queue_id=batch.queue_id, copies=len(copies))
        return Committed(reason=Reason.OK, queue_id=batch.queue_id)

    async def _taken_before(self, digests: Mapping[str, str], now: float) -> dict[str, str]:
        """Recipients whose copy was queued within the hour, each with its queue id; and the sent copy."""
        seen = await self._house.queue.find_duplicates(list(digests.values()), since=now - DUPLICATE_SECONDS)
        return {recipient: seen[digest] for recipient, digest in digests.items() if digest in seen}

    async def _seal(self, batch: _Batch) -> Sequence[_Sealed]:
        if len(batch.fresh) == 1 and not batch.sent_copy:  # nothing to divide between tasks
            return [await self._seal_one(batch, *batch.fresh[0])]
        large = len(batch.work.submitted.message.octets) > ONE_BY_ONE_OCTETS
        places = asyncio.Semaphore(1 if large else COPIES_AT_ONCE)

        async def one(make: Callable[[], Awaitable[_Sealed]]) -> _Sealed:
            async with places:
                return await make()

        each: list[Callable[[], Awaitable[_Sealed]]] = [
            partial(self._seal_one, batch, recipient, verdict) for recipient, verdict in batch.fresh
        ]
        if batch.sent_copy:
            each.append(partial(make_sent_copy, self._house, batch.account, batch.sent))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(make)) for make in each]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _seal_one(
        self, batch: _Batch, recipient: Recipient, verdict: Verdict
    ) -> tuple[NewCopy, Record]:
        house, account = self._house, batch.account
        way = _way(batch.work.sender, recipient.address, verdict)
        copy = await sealed(house, batch.work.submitted, way, queue_id=batch.queue_id, received_at=batch.now)
        if len(copy.octets) > house.sealed_size_for(domain_of(recipient.address)):
            raise SealedTooLarge(recipient.address)
        return with_line(
            account,
            verdict,
            recipient,
            way,
            copy,
            queue_id=batch.queue_id,
            digest=batch.digests[recipient.address],
        )


def _way(sender: str, recipient: str, verdict: Verdict) -> Way:
    """What sealing needs to know; fails closed where the verdict does not say it all."""
    if verdict.seal_to is None or verdict.sign_with is None or verdict.channel is None:
        raise SealingFailed("sealing failed", private="an accepted verdict without keys or channel")
    return Way(
        sender=sender,
        recipient=recipient,
        channel=verdict.channel,
        sending_user=verdict.declared_user.address if verdict.declared_user else None,
        seal_to=verdict.seal_to,
        sign_with=verdict.sign_with,
    )


def _message(batch: _Batch) -> QueuedMessage:
    work, account = batch.work, batch.account
    declared = batch.fresh[0][1].declared_user
    return QueuedMessage(
        queue_id=batch.queue_id,
        direction=Direction.OUTBOUND,
        reverse_path=work.sender,
        message_id=work.submitted.facts.message_id,
        received_at=batch.now,
        size=account.size or 0,
        policy=account.in_force.policy.revision,
        declared_user=declared.address if declared else None,
        declared_by=declared.declared_by if declared else None,
        ret=work.path.ret,
        envid=work.path.envid,
    )


def submission_digest(work: Work, recipient: str) -> str:
    """What makes a submission the same again: reverse-path, recipient, Message-ID, content."""
    digest = hashlib.sha256()
    for part in (
        work.sender,
        recipient,
        work.submitted.facts.message_id or "",
        work.submitted.message.sha256,
    ):
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()
