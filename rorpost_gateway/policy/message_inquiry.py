"""What is derived from a message for one of its recipients: each thing once, when a rule asks.

One kind of inquiry for what was submitted here, one for what a partner sealed: who the
sending user is, they find out differently. Pure.
"""

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import DeclaredBy, DeclaredUser, KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import SealFacts
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.field_address import one_address
from rorpost_gateway.policy.inquiry import Inquiry, Question
from rorpost_gateway.policy.message_reading import Reading
from rorpost_gateway.policy.model import Authorisation, Policy, Source
from rorpost_gateway.policy.once import once

LEGAL_BASIS_FIELD = "x-rorpost-legal-basis"
SENDING_USER_FIELD = "x-rorpost-sending-user"  # as a gateway like this one writes it under its seal

Statements = tuple[DeclaredUser | Reason, ...]

# Looked up once: a member costs a call.
_HEADER, _SENDER, _LOGIN, _SIGNATURE = Source.HEADER, Source.SENDER, Source.LOGIN, Source.SIGNATURE
_BY_HEADER = DeclaredBy.HEADER


class MessageInquiry(Inquiry):
    """A question about a message, in either direction."""

    may_be_read = True  # whether header fields count

    def __init__(self, policy: Policy, keys: KeyIndex, question: Question, reading: Reading) -> None:
        super().__init__(policy, keys, question)
        self.reading = reading
        self.facts = reading.facts

    @once
    def statements(self) -> Statements:
        """What each source that says anything says, in the order of the sources."""
        stated: Statements = ()
        for source in self._sources():
            stated += self._stated_by(source)
        return stated

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
    def authorisation(self) -> Authorisation | None:
        """The first of them that is in force."""
        for period in self.authorisations:
            if period.in_force(self.day):
                return period
        return None

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
        if self.rules.legal_basis is None or not self.may_be_read:
            return None
        stated = self.facts.fields.get(LEGAL_BASIS_FIELD, ())
        if len(stated) != 1:
            return None
        wanted = stated[0].strip().casefold()
        return next((value for value in self.rules.legal_basis if value.casefold() == wanted), None)

    def _sources(self) -> tuple[Source, ...]:
        return self.rules.sources

    def _stated_by(self, source: Source) -> Statements:
        if source is _HEADER:
            return self._in_field(self.rules.header.lower())
        if source is _SENDER:
            return self._in_sender_field()
        return self._by_login() if source is _LOGIN else self._by_signature()

    def _by_login(self) -> Statements:
        return ()

    def _by_signature(self) -> Statements:
        return ()

    def _in_field(self, name: str) -> Statements:
        values = self.facts.fields.get(name)
        if not values or not self.may_be_read:
            return ()
        address = self._one_address(values[0]) if len(values) == 1 else None
        if address is None:
            return (Reason.USER_NOT_DECLARED,)
        return (DeclaredUser(address=address, declared_by=_BY_HEADER),)

    def _one_address(self, value: str) -> str | None:
        if self.sender is not None and value in self.sender.users:  # as a rule, and read before
            return value
        return one_address(value)

    def _in_sender_field(self) -> Statements:
        stated = self.facts.sender
        if not stated or stated == self.facts.authors or not self.may_be_read:
            return ()
        if len(stated) != 1:
            return (Reason.USER_NOT_DECLARED,)
        return (DeclaredUser(address=stated[0], declared_by=DeclaredBy.SENDER),)


class SubmittedInquiry(MessageInquiry):
    """About a message that was submitted here, with the login at hand."""

    def _by_login(self) -> Statements:
        login = self.question.login
        if login is None:
            return ()
        return (DeclaredUser(address=self._listed_address(login), declared_by=DeclaredBy.LOGIN),)

    def _listed_address(self, login: Login) -> str:
        """The login's address that the mailbox lists; its own where none is listed."""
        listed = self.sender.users if self.sender is not None else {}
        names = (login.address, *sorted(login.aliases))
        return next((name for name in names if name in listed), login.address)


class OpenedInquiry(MessageInquiry):
    """About a message that a partner sealed, once it is opened."""

    def __init__(self, policy: Policy, keys: KeyIndex, question: Question, reading: Reading) -> None:
        """Raises ValueError where the question says nothing of the seal."""
        super().__init__(policy, keys, question, reading)
        if question.seal is None:
            raise ValueError("an inbound message without its seal cannot be judged")
        self.seal: SealFacts = question.seal
        # A partner's header fields count under the signature only.
        self.may_be_read = self.seal.protected

    @once
    def submitted_here(self) -> bool:
        """Whether this is a message between two of this side's mailboxes that was opened again.

        Who sends it was decided when it was submitted, with the login at hand, and stands
        under this gateway's own signature. Nobody else can bring one: at MAIL a partner is
        refused an address of this side's.
        """
        return domain_of(self.question.sender) in self.question.own_domains

    @once
    def accepted_signers(self) -> frozenset[str]:
        """The keys whose signature counts for the sending mailbox."""
        if self.sender is None:
            return frozenset()
        people = {
            period.key
            for periods in self.sender.users.values()
            for period in periods
            if period.key is not None and period.in_force(self.day) and _SIGNATURE in self.rules.sources
        }
        if not self.may_be_read:
            # A person signs other mail too. Without From and To under it, anybody could seal that to us.
            people = set()
        pinned = self.sender.keys_on(self.day)
        if not self.sender.keys and self.sender.domain in self.question.own_domains:
            ours = self.keys.for_signing(self.sender.address, (), self.question.at)
            pinned = (ours.primary,) if isinstance(ours, KeyChoice) else ()
        return frozenset((*people, *pinned))

    def _sources(self) -> tuple[Source, ...]:
        # Of what was submitted here only the gateway's own word counts, whatever the channel's sources.
        return (_LOGIN,) if self.submitted_here else super()._sources()

    def _by_login(self) -> Statements:
        # The sealing gateway writes its logins' addresses into this field, under its signature.
        return self._in_field(SENDING_USER_FIELD)

    def _by_signature(self) -> Statements:
        """Whoever is authorised for the sending mailbox with the signing key."""
        return tuple(
            DeclaredUser(address=period.user, declared_by=DeclaredBy.SIGNATURE)
            for periods in (self.sender.users.values() if self.sender is not None else ())
            for period in periods
            if period.key == self.seal.signer and period.in_force(self.day)
        )
