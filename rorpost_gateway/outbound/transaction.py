"""One mail transaction on the way out: read the message, ask the policy, commit.

The order of the work, and nothing else; what goes wrong is answered by `reception`.
"""

import asyncio
from dataclasses import replace

from rorpost_gateway.content import look_into
from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.envelope import ReversePath
from rorpost_gateway.errors import SealedTooLarge
from rorpost_gateway.outbound.commit import Committer, Work
from rorpost_gateway.outbound.judging import Judge, Judgement
from rorpost_gateway.outbound.submitted import Submitted, read_submitted
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reception.transaction import GuardedTransaction
from rorpost_gateway.reply import Reply, reply_for
from rorpost_gateway.stages import Stage

# Reading a message this large takes long enough to be felt by other sessions.
LARGE_OCTETS = 256 * 1024


class OutboundTransaction(GuardedTransaction):
    """What Outlook submits."""

    def __init__(
        self,
        *,
        house: House,
        in_force: InForce,
        account: Account,
        committer: Committer,
        path: ReversePath,
        judge: Judge,
    ) -> None:
        super().__init__(house, in_force, account)
        self._committer = committer
        self._path = path
        self._judge = judge

    @property
    def asked(self) -> tuple[Question, ...]:
        """See `GuardedTransaction`."""
        return self._judge.asked

    def _judge_recipient(self, address: str) -> Verdict:
        return self._judge.at_rcpt(address)

    def _channel(self, address: str) -> str | None:
        return self._judge.channel(address)

    def _go_over(self, latest: InForce) -> bool:
        self._judge = self._judge.under(latest)
        login = self._account.client.login
        return super()._go_over(latest) and (login is None or latest.logins.knows(login.name))

    async def _decide(self, octets: bytes) -> Reply:
        with self._house.stages.timed(Stage.JUDGE):
            submitted, judgement = await self._read_and_judge(octets)
        self._account.reverse_path = judgement.sender or self._account.reverse_path
        if judgement.reason is not Reason.OK:
            return await self._refuse(judgement.verdicts)
        try:
            committed = await self._committer.commit(self._work(submitted, judgement), self._account)
        except SealedTooLarge as error:
            refused = judgement.refused(Reason.MESSAGE_TOO_LARGE, error.recipient, rule="relay.max_size")
            return await self._refuse(refused.verdicts)
        return reply_for(
            committed.reason,
            self._house.language,
            own_texts=self._house.own_texts,
            queue_id=committed.queue_id,
        )

    async def _read_and_judge(self, octets: bytes) -> tuple[Submitted, Judgement]:
        if len(octets) > LARGE_OCTETS:
            submitted = await asyncio.to_thread(self._read, octets)
        else:
            submitted = self._read(octets)
        self._account.message_id = submitted.facts.message_id
        recipients = tuple(self._recipients)
        look = self._judge.content_to_look_at(submitted.facts, recipients)
        facts = replace(submitted.facts, content=await look_into(submitted.message, look))
        judgement = self._judge.after_data(facts, recipients)
        if judgement.reason is Reason.OK:
            self._note_suspected(facts.content)
        return submitted, judgement

    def _read(self, octets: bytes) -> Submitted:
        submitted = read_submitted(octets, hostname=self._house.hostname, keep=self._in_force.user_headers)
        if len(octets) > LARGE_OCTETS:
            _ = submitted.message.sha256  # kept by the message: in this thread rather than on the loop
        return submitted

    def _work(self, submitted: Submitted, judgement: Judgement) -> Work:
        return Work(
            sender=judgement.sender,
            path=self._path,
            submitted=submitted,
            accepted=tuple((self._recipients[address], verdict) for address, verdict in judgement.verdicts),
        )
