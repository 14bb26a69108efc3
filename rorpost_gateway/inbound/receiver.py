"""What a partner's session asks: may this client bring mail, may this reverse-path begin?"""

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.envelope import Client, Login, ReversePath
from rorpost_gateway.inbound.taking import Means
from rorpost_gateway.inbound.transaction import InboundTransaction
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.reply import Reply, reply_for

log = structlog.get_logger()


class Inbound:
    """A `smtp.base.Receiver` for what partners send. Nobody logs in here: seals speak for themselves."""

    def __init__(self, house: House, means: Means, refusals: Refusals) -> None:
        self._house = house
        self._means = means
        self._refusals = refusals

    @property
    def in_hand(self) -> frozenset[str]:
        """Queue ids of messages that are just being taken."""
        return self._means.promise.in_hand

    async def connected(self, client: Client) -> None:
        log.debug("partner-connected", client=client.ip)

    async def authenticate(self, client: Client, name: str, password: bytes) -> Login | Reply:  # noqa: ARG002
        return self.refusal(client, Reason.LOGIN_FAILED)

    async def begin(self, client: Client, path: ReversePath) -> InboundTransaction | Reply:
        house, in_force = self._house, self._house.in_force()
        if not client.trusted:
            return await self.turn_away(client, Reason.CLIENT_NOT_ALLOWED)
        account = Account(
            house=house,
            in_force=in_force,
            client=client,
            reverse_path=path.address,
            direction=Direction.INBOUND,
        )
        verdict = judge_partner(in_force.policy, path.address, own_domains=house.own_domains)
        if verdict.accepted and (path.size_octets or 0) > self._means.message_size:
            verdict = Verdict(reason=Reason.MESSAGE_TOO_LARGE, rule="limits.sealed_size")
        if not verdict.accepted:
            await account.refused(verdict)
            return reply_for(verdict.reason, house.language, own_texts=house.own_texts)
        return InboundTransaction(
            house=house, means=self._means, in_force=in_force, account=account, path=path
        )

    async def turn_away(self, client: Client, reason: Reason) -> Reply:
        await self._refusals.note_durably(client, reason, direction=Direction.INBOUND)
        return reply_for(reason, self._house.language, own_texts=self._house.own_texts)

    def refusal(self, client: Client, reason: Reason) -> Reply:
        self._refusals.note(client, reason, direction=Direction.INBOUND)
        return reply_for(reason, self._house.language, own_texts=self._house.own_texts)


def judge_partner(policy: Policy, address: str, *, own_domains: frozenset[str]) -> Verdict:
    """Whether a reverse-path is a function mailbox of the other side's.

    One of this side's would be somebody outside who writes in its name.
    """
    mailbox = policy.mailbox(address)
    if mailbox is None or domain_of(mailbox.address) in own_domains:
        return Verdict(reason=Reason.SENDER_NOT_A_MAILBOX, rule="mailboxes")
    return Verdict(reason=Reason.OK, rule="mailboxes", position=mailbox.position)
