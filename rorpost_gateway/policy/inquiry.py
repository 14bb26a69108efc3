"""One question to the policy, and what is derived from its envelope: each thing once, when a rule asks.

Pure: policy, keys and time are arguments. `message_inquiry` has what is derived from a message.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import MessageFacts, SealFacts
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.model import Channel, Mailbox, Policy, Rules
from rorpost_gateway.policy.once import once

_OUTBOUND = Direction.OUTBOUND  # looked up once: a member costs a call


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """May this be sent? Addresses are lower case; `at` is aware.

    `facts` is None at MAIL and RCPT: rules that read the message are not tried then.
    `seal` comes with `facts` where the direction is inbound, and signatures older than
    `max_age` are refused then. `login` is None for a session from a trusted network.
    `person` is set in Exchange's on-behalf form only: the reverse-path, while `sender`
    is the mailbox in From.
    """

    direction: Direction
    at: datetime
    sender: str
    recipient: str
    own_domains: frozenset[str]
    login: Login | None = None
    facts: MessageFacts | None = None
    envelope_recipients: tuple[str, ...] = ()
    person: str | None = None
    seal: SealFacts | None = None
    max_age: timedelta = timedelta(days=14)

    def __post_init__(self) -> None:
        if self.direction is Direction.INBOUND and (self.facts is None) != (self.seal is None):
            # Fail closed: an inbound message is judged by what stands under its signature.
            raise ValueError("an inbound message without its seal cannot be judged")


class Inquiry:
    """A question with its answers so far. A rule may ask for what an earlier rule has secured."""

    def __init__(self, policy: Policy, keys: KeyIndex, question: Question) -> None:
        """What nearly every question needs is worked out here, at once."""
        self.policy = policy
        self.keys = keys
        self.question = question
        self.day: date = policy.day(question.at)
        sender: Mailbox | None = policy.mailboxes.get(question.sender)
        recipient: Mailbox | None = policy.mailboxes.get(question.recipient)
        channels: tuple[Channel, ...] = ()
        if sender is not None and recipient is not None:
            # Their own addresses, not the question's: the same strings as in the table are found faster.
            channels = policy.pairs.get((sender.address, recipient.address), ())
        self.channel = _deciding(channels, self.day)
        self.rules: Rules = policy.rules if self.channel is None else self.channel.rules
        # The mailbox on this side must be one of this side's.
        if question.direction is _OUTBOUND:
            sender = of_this_side(sender, question.own_domains)
        else:
            recipient = of_this_side(recipient, question.own_domains)
        self.sender = sender
        self.recipient = recipient

    @once
    def seal_to(self) -> KeyChoice | Reason:
        if self.recipient is None:
            return Reason.KEY_MISSING
        pinned = self.recipient.keys_on(self.day)
        if refusal := without_pin(self.recipient, pinned, self.question.own_domains):
            return refusal
        return self.keys.for_sealing(self.recipient.address, pinned, self.question.at)

    @once
    def sign_with(self) -> KeyChoice | Reason:
        if self.sender is None:
            return Reason.KEY_MISSING
        pinned = self.sender.keys_on(self.day)
        if refusal := without_pin(self.sender, pinned, self.question.own_domains):
            return refusal
        return self.keys.for_signing(self.sender.address, pinned, self.question.at)


def _deciding(channels: tuple[Channel, ...], day: date) -> Channel | None:
    """The channel in force; where none is, the last that was written."""
    for channel in channels:
        if channel.in_force(day):
            return channel
    return channels[-1] if channels else None


def of_this_side(mailbox: Mailbox | None, own_domains: frozenset[str]) -> Mailbox | None:
    """The mailbox, if there is one and it is one of this side's."""
    return mailbox if mailbox is not None and mailbox.domain in own_domains else None


def without_pin(mailbox: Mailbox, pinned: tuple[str, ...], own_domains: frozenset[str]) -> Reason | None:
    """Why there is no key, where no pin is left.

    An index that is asked without a pin goes by user id. That is for this side's own
    mailboxes that never had one; a mailbox whose pins have run out, or a partner's, gets none.
    """
    if pinned:
        return None
    if mailbox.keys:
        return Reason.KEY_EXPIRED
    return None if mailbox.domain in own_domains else Reason.KEY_MISSING
