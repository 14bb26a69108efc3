"""What a submission session asks: may this client log in, may this reverse-path begin?

The decision is made here and logged; its words are the reply's. A refusal that
concerns a message has its line in the decision log before the client hears it.
"""

import structlog

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.envelope import Client, Login, ReversePath
from rorpost_gateway.errors import LoginsBusy
from rorpost_gateway.outbound.commit import Committer
from rorpost_gateway.outbound.guessing import Guessing
from rorpost_gateway.outbound.judging import Judge
from rorpost_gateway.outbound.transaction import OutboundTransaction
from rorpost_gateway.policy.evaluate import judge_sender
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.reply import Reply, reply_for

log = structlog.get_logger()


class Outbound:
    """A `smtp.base.Receiver` for what Outlook submits."""

    def __init__(self, house: House, refusals: Refusals) -> None:
        self._house = house
        self._refusals = refusals
        self._committer = Committer(house)
        self._guessing = Guessing(house.now)

    @property
    def in_hand(self) -> frozenset[str]:
        """Queue ids of messages that are just being committed."""
        return self._committer.in_hand

    async def connected(self, client: Client) -> None:
        log.debug("connected", client=client.ip)

    async def authenticate(self, client: Client, name: str, password: bytes) -> Login | Reply:
        try:
            with self._guessing.turn(client.network):
                login = await self._house.in_force().logins.verify(name, password)
        except LoginsBusy:
            log.warning("logins-busy", client=client.ip)
            return Reply(code=454, enhanced="4.7.0", text="Temporary authentication failure", reason=None)
        if login is None:
            self._guessing.note_wrong(client.network)
            return self.refusal(client, Reason.LOGIN_FAILED)
        return login

    async def begin(self, client: Client, path: ReversePath) -> OutboundTransaction | Reply:
        house, in_force = self._house, self._house.in_force()
        if not _may_submit(in_force, client):
            return await self.turn_away(client, Reason.LOGIN_REQUIRED)
        account = Account(house=house, in_force=in_force, client=client, reverse_path=path.address)
        verdict, person = self._judge_sender(in_force.policy, client, path.address)
        if verdict.accepted and (path.size_octets or 0) > house.message_size:
            verdict = Verdict(reason=Reason.MESSAGE_TOO_LARGE, rule="limits.message_size")
        if not verdict.accepted:
            await account.refused(verdict)
            return reply_for(verdict.reason, house.language, own_texts=house.own_texts)
        return OutboundTransaction(
            house=house,
            in_force=in_force,
            account=account,
            committer=self._committer,
            path=path,
            judge=Judge(house, in_force, client, path.address, person),
        )

    def _judge_sender(self, policy: Policy, client: Client, address: str) -> tuple[Verdict, str | None]:
        """Whether this reverse-path may begin, and the person, where it is one (on behalf)."""
        own_domains = self._house.own_domains
        verdict = judge_sender(policy, address=address, own_domains=own_domains)
        if not verdict.accepted and client.login is None and policy.is_person(address, own_domains):
            return Verdict(reason=Reason.OK, rule="submission.trusted_networks"), address
        return verdict, None

    async def turn_away(self, client: Client, reason: Reason) -> Reply:
        await self._refusals.note_durably(client, reason)
        return reply_for(reason, self._house.language, own_texts=self._house.own_texts)

    def refusal(self, client: Client, reason: Reason) -> Reply:
        self._refusals.note(client, reason)
        return reply_for(reason, self._house.language, own_texts=self._house.own_texts)


def _may_submit(in_force: InForce, client: Client) -> bool:
    """A login that a reload has removed ends with the next message, though its session is still open."""
    if client.login is None:
        return bool(client.trusted)
    return in_force.logins.knows(client.login.name)
