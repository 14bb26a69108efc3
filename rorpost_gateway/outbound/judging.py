"""What one transaction asks the policy, with what it knows by then.

Two forms. As a rule the reverse-path is the sending mailbox, and everything the
envelope can tell is judged at RCPT. In Exchange's on-behalf form (from a trusted
network, without a login) the reverse-path is a person; which mailbox it is for
stands in From, so pairs are judged after DATA.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.envelope import Client
from rorpost_gateway.facts import Look, MessageFacts
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import Question, evaluate, evaluate_all, judge_sender
from rorpost_gateway.reception.house import House, InForce

_ORIGINATOR_FIELD = "x-originatororg"
Verdicts = tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Every recipient with its verdict. All are accepted, or `reason` is what refuses them all."""

    sender: str
    verdicts: Verdicts

    @property
    def reason(self) -> Reason:
        return next((v.reason for _, v in self.verdicts if not v.accepted), Reason.OK)

    @property
    def because_of(self) -> str | None:
        """The recipient whose rule failed, where it was not everybody's."""
        return next((v.because_of for _, v in self.verdicts if v.because_of), None)

    def refused(self, reason: Reason, because_of: str, *, rule: str) -> "Judgement":
        """The same recipients, all refused for what was found at one of them."""
        return replace(
            self,
            verdicts=tuple(
                (
                    address,
                    replace(
                        verdict,
                        reason=reason,
                        rule=rule,
                        because_of=None if address == because_of else because_of,
                    ),
                )
                for address, verdict in self.verdicts
            ),
        )


class Judge:
    """Asks for one transaction; `person` is set in the on-behalf form only.

    `asked` is what the policy was asked last, for whoever wants to know why it answered so.
    """

    def __init__(
        self, house: House, in_force: InForce, client: Client, sender: str, person: str | None
    ) -> None:
        self._house = house
        self._in_force = in_force
        self._client = client
        self._sender = sender
        self._person = person
        self.asked: tuple[Question, ...] = ()

    def under(self, in_force: InForce) -> "Judge":
        """The same transaction, under another policy."""
        return Judge(self._house, in_force, self._client, self._sender, self._person)

    def at_rcpt(self, recipient: str) -> Verdict:
        """What the envelope alone can say of a recipient."""
        policy = self._in_force.policy
        if self._person is None:
            question = self._question(self._sender, recipient)
            self.asked = (question,)
            return evaluate(policy, self._in_force.keys, question)
        if policy.mailbox(recipient) is None:
            return Verdict(reason=Reason.RECIPIENT_NOT_A_MAILBOX, rule="mailboxes")
        return Verdict(reason=Reason.OK, rule="mailboxes")

    def content_to_look_at(self, facts: MessageFacts, recipients: Sequence[str]) -> Look:
        """What has to be known of the message's content before `after_data`."""
        sender = self._sender
        if self._person is not None:
            sender = facts.authors[0] if len(facts.authors) == 1 else ""
        return content_to_look_at(
            self._in_force.policy, Direction.OUTBOUND, sender=sender, recipients=recipients, at=self._at()
        )

    def after_data(self, facts: MessageFacts, recipients: Sequence[str]) -> Judgement:
        """Every rule, for every recipient."""
        sender = self._sender
        refusal = self._not_from_the_organisation(facts)
        if self._person is not None:
            sender = facts.authors[0] if len(facts.authors) == 1 else ""
            refusal = refusal or self._no_author(sender)
        if refusal is not None:
            return Judgement(sender=sender, verdicts=tuple((each, refusal) for each in recipients))
        self.asked = tuple(
            self._question(sender, recipient, facts, tuple(recipients)) for recipient in recipients
        )
        verdicts = evaluate_all(self._in_force.policy, self._in_force.keys, self.asked)
        return Judgement(sender=sender, verdicts=tuple(zip(recipients, verdicts, strict=True)))

    def channel(self, recipient: str) -> str | None:
        """The channel towards a recipient, as far as the envelope tells."""
        return None if self._person is not None else self.at_rcpt(recipient).channel

    def _question(
        self,
        sender: str,
        recipient: str,
        facts: MessageFacts | None = None,
        recipients: tuple[str, ...] = (),
    ) -> Question:
        """By the envelope alone, or with the message."""
        return Question(
            direction=Direction.OUTBOUND,
            at=self._at(),
            sender=sender,
            recipient=recipient,
            own_domains=self._house.own_domains,
            login=self._client.login,
            facts=facts,
            envelope_recipients=recipients,
            person=self._person if facts is not None else None,
        )

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._house.now(), tz=UTC)

    def _not_from_the_organisation(self, facts: MessageFacts) -> Verdict | None:
        """Without a login, one trusted network must do with what X-OriginatorOrg says."""
        if self._client.login is not None:
            return None
        said = facts.fields.get(_ORIGINATOR_FIELD, ())
        named = said[0].strip().lower() if len(said) == 1 else None
        if any(
            network.originator_org is None or network.originator_org.lower() == named
            for network in self._client.trusted
        ):
            return None
        return Verdict(reason=Reason.LOGIN_REQUIRED, rule="submission.trusted_networks")

    def _no_author(self, sender: str) -> Verdict | None:
        if not sender:
            return Verdict(reason=Reason.AUTHOR_MISMATCH, rule="author")
        verdict = judge_sender(self._in_force.policy, address=sender, own_domains=self._house.own_domains)
        return None if verdict.accepted else verdict
