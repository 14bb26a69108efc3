"""One question to the policy, and what is derived from it: each thing once, when a rule asks.

Pure: policy, keys and time are arguments. What concerns the message rather than one of
its recipients is a `Reading`, shared by the questions of all recipients.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar, overload

from rorpost_gateway.address import domain_of, parse_address
from rorpost_gateway.decision import DeclaredBy, DeclaredUser, Direction, KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.facts import MessageFacts, SealFacts
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.model import Authorisation, Channel, Mailbox, Policy, Rules, Source

LEGAL_BASIS_FIELD = "x-rorpost-legal-basis"
SENDING_USER_FIELD = "x-rorpost-sending-user"  # as a gateway like this one writes it under its seal

# Looked up once: a member costs a call.
_HEADER, _SENDER, _OUTBOUND = Source.HEADER, Source.SENDER, Direction.OUTBOUND

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801 - reads like the property it is
    """An attribute that is worked out when it is first asked for.

    functools.cached_property takes a lock each time (until Python 3.12), which costs as
    much as a rule. An inquiry belongs to one thread.
    """

    def __init__(self, work_out: Callable[[Any], Value]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__

    @overload
    def __get__(self, instance: None, owner: type) -> "once[Value]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> "once[Value] | Value":
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._work_out(instance)
        return value


@dataclass(frozen=True, kw_only=True)
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


class Reading:
    """What the rules derive from a message, whoever it goes to."""

    def __init__(self, facts: MessageFacts, policy: Policy) -> None:
        self.facts = facts
        self._policy = policy

    @once
    def visible(self) -> frozenset[str]:
        """The recipients that everybody sees."""
        return frozenset((*self.facts.to, *self.facts.cc))

    def shows(self, recipients: tuple[str, ...]) -> bool:
        """Whether everybody sees all of these recipients."""
        if len(recipients) == 1:  # as a rule
            return recipients[0] in self.facts.to or recipients[0] in self.facts.cc
        return self.visible.issuperset(recipients)

    @once
    def names_outsider(self) -> bool:
        facts = self.facts
        named = (*facts.to, *facts.cc, *facts.reply_to, *facts.receipts_to)
        return not all(map(self._policy.mailbox, named))

    @once
    def identity_number_in_subject(self) -> bool:
        return contains_identity_number(self.facts.subject)

    @once
    def identity_number_in_a_name(self) -> bool:
        """Whether one stands in the name of an attachment, or might: where nobody has looked."""
        content = self.facts.content
        if content is None or content.identity_number_in_name is None:
            return True
        return content.identity_number_in_name or any(
            each.identity_number_in_name for each in content.attachments or ()
        )


class Inquiry:
    """A question with its answers so far. A rule may ask for what an earlier rule has secured."""

    def __init__(self, policy: Policy, keys: KeyIndex, question: Question, reading: Reading | None) -> None:
        """What nearly every question needs is worked out here, at once: that is a third of the time."""
        outbound = question.direction is _OUTBOUND
        sender, recipient = question.sender, question.recipient
        self.policy = policy
        self.keys = keys
        self.question = question
        self._reading = reading
        self.day: date = policy.day(question.at)
        # The mailbox on this side must be one of this side's.
        self.sender = (
            own_mailbox(policy, sender, question.own_domains) if outbound else policy.mailbox(sender)
        )
        self.recipient = (
            policy.mailbox(recipient) if outbound else own_mailbox(policy, recipient, question.own_domains)
        )
        self.channel = _deciding(policy.pairs.get((sender, recipient), ()), self.day)
        self.rules: Rules = policy.rules if self.channel is None else self.channel.rules

    @once
    def reading(self) -> Reading:
        if self._reading is None:
            raise ValueError("a rule that reads the message was tried without one")
        return self._reading

    @once
    def facts(self) -> MessageFacts:
        return self.reading.facts

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

    @once
    def accepted_signers(self) -> frozenset[str]:
        """The keys whose signature counts for the sending mailbox."""
        if self.sender is None:
            return frozenset()
        people = {
            period.key
            for periods in self.sender.users.values()
            for period in periods
            if period.key is not None and period.in_force(self.day) and Source.SIGNATURE in self.rules.sources
        }
        if not self.may_be_read:
            # A person signs other mail too. Without From and To under it, anybody could seal that to us.
            people = set()
        pinned = self.sender.keys_on(self.day)
        if not self.sender.keys and domain_of(self.sender.address) in self.question.own_domains:
            ours = self.keys.for_signing(self.sender.address, (), self.question.at)
            pinned = (ours.primary,) if isinstance(ours, KeyChoice) else ()
        return frozenset((*people, *pinned))

    @once
    def statements(self) -> tuple[DeclaredUser | Reason, ...]:
        """What each source that says anything says, in the order of the sources."""
        return tuple(self._statements())

    @once
    def declared_user(self) -> DeclaredUser | None:
        """The sending user as first stated; None where nobody, or not one, is."""
        first = self.statements[0] if self.statements else None
        return first if isinstance(first, DeclaredUser) else None

    def same_person(self, one: str, other: str) -> bool:
        login = self.question.login
        return one == other or (login is not None and {one, other} <= login.addresses)

    @once
    def authorisations(self) -> tuple[Authorisation, ...]:
        """The declared user's authorisations for the sending mailbox, under every name of theirs."""
        declared, login, mailbox = self.declared_user, self.question.login, self.sender
        if declared is None or mailbox is None:
            return ()
        if login is None or not login.aliases or declared.address not in login.addresses:
            return mailbox.users.get(declared.address, ())
        names = {declared.address, *login.addresses}
        return tuple(period for name in sorted(names) for period in mailbox.users.get(name, ()))

    @once
    def inside_channel(self) -> frozenset[str]:
        """The channel's mailboxes, the people authorised for them at any time, and who is logged in."""
        channel, login = self.channel, self.question.login
        mailboxes = {address for pair in channel.pairs for address in pair} if channel else set()
        people = {
            user
            for address in mailboxes
            if (mailbox := self.policy.mailbox(address)) is not None
            for user in mailbox.users
        }
        return frozenset((*mailboxes, *people, *(login.addresses if login is not None else ())))

    @once
    def legal_basis(self) -> str | None:
        """The stated legal basis as the policy spells it; None where none, or not one of the list, is."""
        stated = self.facts.fields.get(LEGAL_BASIS_FIELD, ()) if self.may_be_read else ()
        if len(stated) != 1:
            return None
        wanted = stated[0].strip().casefold()
        return next((value for value in self.rules.legal_basis or () if value.casefold() == wanted), None)

    @once
    def submitted_here(self) -> bool:
        """Whether this is a message between two of this side's mailboxes that was opened again.

        Who sends it was decided when it was submitted, with the login at hand, and stands
        under this gateway's own signature. Nobody else can bring one: at MAIL a partner is
        refused an address of this side's.
        """
        question = self.question
        return question.seal is not None and domain_of(question.sender) in question.own_domains

    def _statements(self) -> Iterator[DeclaredUser | Reason]:
        may_be_read, seal = self.may_be_read, self.question.seal
        if self.submitted_here:
            if may_be_read:
                yield from self._header_statement(SENDING_USER_FIELD)
            return
        for source in self.rules.sources:
            if source is _HEADER:
                yield from self._header_statement(self.rules.header.lower()) if may_be_read else ()
            elif source is _SENDER:
                yield from self._sender_statement() if may_be_read else ()
            elif source is Source.SIGNATURE:
                yield from self._signature_statement(seal) if seal is not None else ()
            elif source is Source.LOGIN and seal is not None and may_be_read:
                # A partner's gateway writes its logins' addresses into this field, under its signature.
                yield from self._header_statement(SENDING_USER_FIELD)
            elif source is Source.LOGIN and self.question.login is not None:
                address = self._listed_address(self.question.login)
                yield DeclaredUser(address=address, declared_by=DeclaredBy.LOGIN)

    @property
    def may_be_read(self) -> bool:
        """Whether header fields count: submitted ones do, a partner's only under the signature."""
        return self.question.seal is None or self.question.seal.protected

    def _signature_statement(self, seal: SealFacts) -> Iterator[DeclaredUser]:
        for periods in self.sender.users.values() if self.sender is not None else ():
            for period in periods:
                if period.key == seal.signer and period.in_force(self.day):
                    yield DeclaredUser(address=period.user, declared_by=DeclaredBy.SIGNATURE)

    def _header_statement(self, name: str) -> tuple[DeclaredUser | Reason, ...]:
        values = self.facts.fields.get(name, ())
        if not values:
            return ()
        address = one_address(values[0]) if len(values) == 1 else None
        if address is None:
            return (Reason.USER_NOT_DECLARED,)
        return (DeclaredUser(address=address, declared_by=DeclaredBy.HEADER),)

    def _sender_statement(self) -> tuple[DeclaredUser | Reason, ...]:
        stated = self.facts.sender
        if not stated or stated == self.facts.authors:
            return ()
        if len(stated) != 1:
            return (Reason.USER_NOT_DECLARED,)
        return (DeclaredUser(address=stated[0], declared_by=DeclaredBy.SENDER),)

    def _listed_address(self, login: Login) -> str:
        """The login's address that the mailbox lists; its own where none is listed."""
        listed = self.sender.users if self.sender is not None else {}
        names = (login.address, *sorted(login.aliases))
        return next((name for name in names if name in listed), login.address)


def _deciding(channels: tuple[Channel, ...], day: date) -> Channel | None:
    """The channel in force; where none is, the last that was written."""
    for channel in channels:
        if channel.in_force(day):
            return channel
    return channels[-1] if channels else None


def own_mailbox(policy: Policy, address: str, own_domains: frozenset[str]) -> Mailbox | None:
    """The mailbox of this address, if it is one of this side's."""
    mailbox = policy.mailbox(address)
    return mailbox if mailbox is not None and domain_of(mailbox.address) in own_domains else None


def without_pin(mailbox: Mailbox, pinned: tuple[str, ...], own_domains: frozenset[str]) -> Reason | None:
    """Why there is no key, where no pin is left.

    An index that is asked without a pin goes by user id. That is for this side's own
    mailboxes that never had one; a mailbox whose pins have run out, or a partner's, gets none.
    """
    if pinned:
        return None
    if mailbox.keys:
        return Reason.KEY_EXPIRED
    return None if domain_of(mailbox.address) in own_domains else Reason.KEY_MISSING


def one_address(value: str) -> str | None:
    """The one address of a field value, perhaps with a display name; None where it is anything else."""
    text = value.strip()
    if text.endswith(">"):
        name, bracket, text = text[:-1].rpartition("<")
        if not bracket or not _is_display_name(name.strip()):
            return None
    try:
        return parse_address(text)
    except AddressMalformed:
        return None


def _is_display_name(name: str) -> bool:
    """Words, or one quoted string: nothing that could hold or hide a second address."""
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return '"' not in name[1:-1] and "\\" not in name
    return not set(name) & set('<>@,;:"()[]\\')
