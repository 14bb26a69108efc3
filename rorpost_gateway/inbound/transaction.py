"""One mail transaction on the way in: recipients, then the sealed message, then the answer.

The order of the work: policy by the envelope, then opening, then policy by what
stands under the signature, then the replay guard, then the queue. What is queued is
the message as received, still sealed. A refusal has its lines in the decision log
before the partner hears of it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.errors import (
    GatewayError,
    LogUnavailable,
    MessageMalformed,
    MessageTooComplex,
    QueueFull,
    SealSeen,
)
from rorpost_gateway.inbound.opened import OpenedMessage, Unacceptable, open_message
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.outbound.account import Account
from rorpost_gateway.outbound.house import House, InForce
from rorpost_gateway.policy.evaluate import Question, evaluate, evaluate_all
from rorpost_gateway.queue.base import NewCopy, QueuedMessage
from rorpost_gateway.queue.identity import RANDOM_OCTETS, new_queue_id
from rorpost_gateway.reply import Reply, reply_for

log = structlog.get_logger()

RECEIVED_MOST = 50  # trace fields; more is a loop
# As on the way out: NOOP keeps a transaction open for weeks, and a channel that was closed meanwhile
# must not live on in it.
KEEPS_REVISION_SECONDS = 60.0
Verdicts = tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the way in needs beside the house: the opener, and its bounds."""

    opener: Opener
    message_size: int  # octets, sealed, as received
    longest_octets: int  # of what is inside
    max_age: timedelta
    taking: WeakValueDictionary[str, asyncio.Lock]  # what is being taken in, by the hash of what is signed
    in_hand: set[str] = field(default_factory=set)  # queue ids on their way from pending to the 250


class InboundTransaction:
    """A `smtp.base.Transaction`, decided after DATA by one policy revision.

    It is the one the transaction began with, unless that was replaced and the partner took its time.
    """

    def __init__(
        self, *, house: House, means: Means, in_force: InForce, account: Account, path: ReversePath
    ) -> None:
        self._house = house
        self._means = means
        self._in_force = in_force
        self._account = account
        self._path = path
        self._began = house.now()
        self._recipients: dict[str, Recipient] = {}

    async def recipient(self, recipient: Recipient) -> Reply:
        verdict = evaluate(self._in_force.policy, self._in_force.keys, self._question(recipient.address))
        if verdict.accepted:
            self._recipients.setdefault(recipient.address, recipient)
            return Reply(code=250, enhanced="2.1.5", text="Recipient ok")
        await self._account.refused(verdict, recipient.address)
        return self._reply(verdict.reason, recipient.address)

    async def message(self, octets: bytes) -> Reply:
        self._account.size = len(octets)
        self._catch_up()
        try:
            return await self._decide(octets)
        except Unacceptable as error:
            log.info("unacceptable", reason=error.reason, why=error.private)
            return await self._refuse_unread(error.reason, use_pgp_mime=error.use_pgp_mime)
        except MessageMalformed as error:
            log.info("message-malformed", why=error.private)
            return await self._refuse_unread(Reason.MESSAGE_MALFORMED, close=error.close)
        except MessageTooComplex as error:
            log.info("message-too-complex", why=error.private)
            return await self._refuse_unread(Reason.MESSAGE_TOO_COMPLEX)
        except QueueFull as error:
            log.error("queue-full", error=error)
            return await self._refuse_unread(Reason.GATEWAY_FULL)
        except LogUnavailable:
            raise  # there is nowhere to write a line to; the session answers 451
        except GatewayError as error:
            log.error("not-taken", error=error)
            return await self._refuse_unread(Reason.GATEWAY_FAULT)
        except Exception:
            await self._refuse_unread(Reason.GATEWAY_FAULT)
            raise

    async def refuse(self, reason: Reason) -> Reply:
        return await self._refuse_unread(reason)

    async def abort(self) -> None:
        self._recipients.clear()

    async def _decide(self, octets: bytes) -> Reply:
        opened = await open_message(
            octets,
            opener=self._means.opener,
            hostname=self._house.hostname,
            longest_octets=self._means.longest_octets,
        )
        self._account.message_id = opened.facts.message_id
        if opened.outer_facts.received_here or opened.outer_facts.received_count > RECEIVED_MOST:
            return await self._refuse_unread(Reason.MAIL_LOOP, opened=opened)
        verdicts = self._judge(opened)
        if not all(verdict.accepted for _, verdict in verdicts):
            return await self._refuse(verdicts, opened)
        async with self._alone(opened.covered_sha256):
            return await self._take(octets, opened, verdicts)

    def _catch_up(self) -> None:
        """Go over to what is in force now, where that is due; all that was judged at RCPT is judged again."""
        latest, took_seconds = self._house.in_force(), self._house.now() - self._began
        if latest is not self._in_force and not 0 <= took_seconds <= KEEPS_REVISION_SECONDS:
            self._in_force = self._account.in_force = latest

    def _judge(self, opened: OpenedMessage) -> Verdicts:
        at = self._now()
        questions = [
            self._question(recipient, opened, at=at, others=tuple(self._recipients))
            for recipient in self._recipients
        ]
        verdicts = evaluate_all(self._in_force.policy, self._in_force.keys, questions)
        return tuple(zip(self._recipients, verdicts, strict=True))

    async def _take(self, octets: bytes, opened: OpenedMessage, verdicts: Verdicts) -> Reply:
        """Queue what has not come before. The same seal again is a duplicate; the same content
        in another seal is a replay, and refuses the message.
        """
        house = self._house
        guards = {recipient: opened.replay_guard(recipient) for recipient, _ in verdicts}
        seen = await house.queue.find_seals(list(guards.values()))
        earlier = {recipient: seen[guard] for recipient, guard in guards.items() if guard in seen}
        replayed = [
            recipient
            for recipient, seal in earlier.items()
            if seal.sealed_sha256 != opened.opened.packets_sha256
        ]
        if replayed:
            return await self._refuse_unread(Reason.REPLAYED, opened=opened)
        lines = [
            self._line(opened, verdict, recipient, Reason.DUPLICATE, earlier[recipient].queue_id)
            for recipient, verdict in verdicts
            if recipient in earlier
        ]
        fresh = [each for each in verdicts if each[0] not in earlier]
        if not fresh:
            await house.log.append(lines)
            queue_id = next(iter(earlier.values())).queue_id
            return reply_for(Reason.DUPLICATE, house.language, queue_id=queue_id)
        return await self._queue(octets, opened, fresh, guards, lines)

    async def _queue(
        self,
        octets: bytes,
        opened: OpenedMessage,
        fresh: Sequence[tuple[str, Verdict]],
        guards: dict[str, str],
        lines: list[Record],
    ) -> Reply:
        house, now = self._house, self._house.now()
        queue_id = new_queue_id(int(now * 1000), house.random(RANDOM_OCTETS))
        copies = [
            self._copy(octets, opened, verdict, recipient, guards[recipient]) for recipient, verdict in fresh
        ]
        lines += [
            self._line(opened, verdict, recipient, Reason.OK, queue_id, decision_id=copy.decision_id)
            for (recipient, verdict), copy in zip(fresh, copies, strict=True)
        ]
        self._means.in_hand.add(queue_id)
        try:
            await house.queue.insert_pending(self._message(opened, fresh[0][1], queue_id, now), copies)
            await house.log.append(lines)
            await self._make_ready(queue_id, now)
        except SealSeen:
            return await self._refuse_unread(Reason.REPLAYED, opened=opened)
        finally:
            self._means.in_hand.discard(queue_id)
        house.relay_has_work()
        log.info("queued", queue_id=queue_id, copies=len(copies), direction=Direction.INBOUND)
        return reply_for(Reason.OK, house.language, queue_id=queue_id)

    async def _make_ready(self, queue_id: str, now: float) -> None:
        queue = self._house.queue
        try:
            await queue.make_ready(queue_id, now=now)
        except Exception:
            # The partner hears 451 and sends again; what is left pending would make that a duplicate.
            with suppress(GatewayError):
                await queue.discard_pending(queue_id)
            raise

    def _copy(
        self, octets: bytes, opened: OpenedMessage, verdict: Verdict, recipient: str, guard: str
    ) -> NewCopy:
        said = self._recipients[recipient]
        return NewCopy(
            recipient=recipient,
            decision_id=self._account.new_id(),
            channel=verdict.channel or "",
            outer_message_id=opened.outer_facts.message_id or "",
            encrypted_to=opened.opened.opened_with.primary,
            encrypted_to_subkey=opened.opened.opened_with.subkey,
            signed_by=opened.signature.signer,
            signed_by_subkey=opened.signature.signer_subkey,
            sealed_sha256=opened.opened.packets_sha256,
            sealed=octets,
            replay_guard=guard,
            notify=said.notify,
            original_recipient=said.original_recipient,
        )

    def _message(self, opened: OpenedMessage, verdict: Verdict, queue_id: str, now: float) -> QueuedMessage:
        declared = verdict.declared_user
        return QueuedMessage(
            queue_id=queue_id,
            direction=Direction.INBOUND,
            reverse_path=self._path.address,
            message_id=opened.facts.message_id,
            received_at=now,
            size=self._account.size or 0,
            policy=self._in_force.policy.revision,
            declared_user=declared.address if declared else None,
            declared_by=declared.declared_by if declared else None,
            ret=self._path.ret,
            envid=self._path.envid,
        )

    def _line(
        self,
        opened: OpenedMessage,
        verdict: Verdict,
        recipient: str,
        reason: Reason,
        queue_id: str,
        **more: str,
    ) -> Record:
        return self._account.line(
            verdict,
            recipient,
            reason=reason,
            queue_id=queue_id,
            content_sha256=opened.content_sha256,
            **_of_the_seal(opened),
            **more,
        )

    def _question(
        self,
        recipient: str,
        opened: OpenedMessage | None = None,
        *,
        at: datetime | None = None,
        others: tuple[str, ...] = (),
    ) -> Question:
        at = at or self._now()
        seal = None
        if opened is not None:
            seal = opened.seal_for(
                recipient, reverse_path=self._path.address, keys=self._in_force.keys, at=at
            )
        return Question(
            direction=Direction.INBOUND,
            at=at,
            sender=self._path.address,
            recipient=recipient,
            own_domains=self._house.own_domains,
            facts=opened.facts if opened is not None else None,
            envelope_recipients=others,
            seal=seal,
            max_age=self._means.max_age,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._house.now(), tz=UTC)

    def _alone(self, covered_sha256: str) -> asyncio.Lock:
        """The same content twice at once: the second waits to learn what it is."""
        lock = self._means.taking.get(covered_sha256)
        if lock is None:
            lock = self._means.taking[covered_sha256] = asyncio.Lock()
        return lock

    async def _refuse_unread(
        self,
        reason: Reason,
        *,
        close: bool = False,
        use_pgp_mime: bool = False,
        opened: OpenedMessage | None = None,
    ) -> Reply:
        """Refuse for a reason that the policy has no part in."""
        verdicts = tuple(
            (recipient, Verdict(reason=reason, rule="message", channel=self._channel(recipient)))
            for recipient in self._recipients
        )
        return await self._refuse(verdicts, opened, close=close, use_pgp_mime=use_pgp_mime, reason=reason)

    async def _refuse(
        self,
        verdicts: Verdicts,
        opened: OpenedMessage | None,
        *,
        reason: Reason = Reason.GATEWAY_FAULT,
        close: bool = False,
        use_pgp_mime: bool = False,
    ) -> Reply:
        """A line for every recipient, and the reply. `reason` is the reply's where there is no recipient."""
        seal = {} if opened is None else _of_the_seal(opened)
        await self._house.log.append(
            [
                self._account.line(verdict, recipient, reason=verdict.reason, **seal)
                for recipient, verdict in verdicts
            ]
        )
        first, verdict = next(iter(verdicts), ("", None))
        concerned = next((v.because_of for _, v in verdicts if v.because_of), first)
        return self._reply(
            verdict.reason if verdict else reason, concerned, close=close, use_pgp_mime=use_pgp_mime
        )

    def _channel(self, recipient: str) -> str | None:
        """The channel to a recipient, by the envelope."""
        return evaluate(self._in_force.policy, self._in_force.keys, self._question(recipient)).channel

    def _reply(
        self, reason: Reason, recipient: str, *, close: bool = False, use_pgp_mime: bool = False
    ) -> Reply:
        """The reply with the telephone number of the unit concerned."""
        mailbox = self._in_force.policy.mailbox(recipient)
        return reply_for(
            reason,
            self._house.language,
            unit=mailbox.name if mailbox else "",
            phone=mailbox.phone if mailbox else None,
            close=close,
            use_pgp_mime=use_pgp_mime,
        )


def _of_the_seal(opened: OpenedMessage) -> dict[str, str]:
    """What every line says of a message that could be opened."""
    return {
        "sealed_sha256": opened.opened.packets_sha256,
        "encrypted_to": opened.opened.opened_with.primary,
        "signed_by": opened.signature.signer,
    }
