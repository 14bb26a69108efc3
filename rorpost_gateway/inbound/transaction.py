"""One mail transaction on the way in: open the message, ask the policy, take it.

The order of the work, and nothing else: policy by the envelope, then opening, then policy
by what stands under the signature, then the replay guard and the queue. What goes wrong
is answered by `reception`.
"""

from datetime import UTC, datetime

from rorpost_gateway.collecting.base import TrueSender
from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.envelope import ReversePath
from rorpost_gateway.inbound.opened import OpenedMessage, open_message
from rorpost_gateway.inbound.taking import Arrival, Means, Replayed, Taker
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import Question, evaluate, evaluate_all
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reception.transaction import GuardedTransaction, Verdicts
from rorpost_gateway.reply import Reply, reply_for
from rorpost_gateway.stages import Stage

RECEIVED_MOST = 50  # trace fields; more is a loop
# Refusals of what the message itself says, once its signature has held. Whoever brings an old message
# again, or to another mailbox, or in another wrapping, does not make us write to its sender.
_SENDERS_OWN_DOING = frozenset(
    {
        *(Reason.USER_NOT_DECLARED, Reason.USER_MISMATCH, Reason.USER_NOT_AUTHORISED, Reason.USER_NOT_VALID),
        *(Reason.URGENT, Reason.OUTSIDE_QUOTES, Reason.ATTACHMENT_NOT_ALLOWED, Reason.LEGAL_BASIS_MISSING),
    }
)


class InboundTransaction(GuardedTransaction):
    """What a partner brings."""

    def __init__(
        self, *, house: House, means: Means, in_force: InForce, account: Account, path: ReversePath
    ) -> None:
        super().__init__(house, in_force, account)
        self._means = means
        self._path = path
        self._true_sender: TrueSender | None = None
        self._asked: tuple[Question, ...] = ()

    @property
    def asked(self) -> tuple[Question, ...]:
        """See `GuardedTransaction`."""
        return self._asked

    @property
    def true_sender(self) -> TrueSender | None:
        """See `collecting.base.Offered`."""
        return self._true_sender

    def _judge_recipient(self, address: str) -> Verdict:
        question = self._question(address, at=self._now())
        self._asked = (question,)
        return evaluate(self._in_force.policy, self._in_force.keys, question)

    async def _decide(self, octets: bytes) -> Reply:
        with self._house.stages.timed(Stage.OPEN):
            opened = await open_message(
                octets,
                opener=self._means.opener,
                hostname=self._house.hostname,
                longest_octets=self._means.longest_octets,
            )
        self._account.message_id = opened.facts.message_id
        if opened.outer_facts.received_here or opened.outer_facts.received_count > RECEIVED_MOST:
            return await self._refuse_unread(Reason.MAIL_LOOP, more=opened.said)
        with self._house.stages.timed(Stage.JUDGE):
            verdicts = await self._judge(opened)
        if not all(verdict.accepted for _, verdict in verdicts):
            self._true_sender = self._sender_of(opened, verdicts)
            return await self._refuse(verdicts, more=opened.said)
        self._note_suspected(opened.facts.content)
        arrival = Arrival(
            octets=octets,
            opened=opened,
            path=self._path,
            accepted=[(self._recipients[address], verdict) for address, verdict in verdicts],
        )
        try:
            taken = await Taker(self._house, self._means).take(arrival, self._account)
        except Replayed:
            return await self._refuse_unread(Reason.REPLAYED, more=opened.said)
        return reply_for(
            taken.reason, self._house.language, own_texts=self._house.own_texts, queue_id=taken.queue_id
        )

    def _sender_of(self, opened: OpenedMessage, verdicts: Verdicts) -> TrueSender | None:
        """Whose message it is, where that is proved: the rules on the signature come before all others."""
        [(recipient, verdict), *others] = verdicts
        if others or verdict.reason not in _SENDERS_OWN_DOING:
            return None
        seal = opened.seal_for(
            recipient, reverse_path=self._path.address, keys=self._in_force.keys, at=self._now()
        )
        if seal.key_fault is not None or seal.outer_fault is not None or not seal.protected:
            return None
        return TrueSender(
            mailbox=self._path.address,
            digest=opened.replay_guard(recipient),
            message_id=opened.outer_facts.message_id,
        )

    async def _judge(self, opened: OpenedMessage) -> Verdicts:
        at = self._now()
        await opened.look_into(
            content_to_look_at(
                self._in_force.policy,
                Direction.INBOUND,
                sender=self._path.address,
                recipients=self._recipients,
                at=at,
            )
        )
        self._asked = tuple(self._question(recipient, opened, at=at) for recipient in self._recipients)
        verdicts = evaluate_all(self._in_force.policy, self._in_force.keys, self._asked)
        return tuple(zip(self._recipients, verdicts, strict=True))

    def _question(self, recipient: str, opened: OpenedMessage | None = None, *, at: datetime) -> Question:
        """By the envelope alone, or with what was opened."""
        seal = facts = None
        if opened is not None:
            facts = opened.facts
            seal = opened.seal_for(
                recipient, reverse_path=self._path.address, keys=self._in_force.keys, at=at
            )
        return Question(
            direction=Direction.INBOUND,
            at=at,
            sender=self._path.address,
            recipient=recipient,
            own_domains=self._house.own_domains,
            facts=facts,
            envelope_recipients=tuple(self._recipients) if opened is not None else (),
            seal=seal,
            max_age=self._means.max_age,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._house.now(), tz=UTC)
