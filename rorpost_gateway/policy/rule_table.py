"""The rules, one after the other, one pure function each; config/README.md lists them.

A rule says OK, or the reason why not, and which line of the policy is behind it. The
order of `RULES` is the order of `Reason`; the first rule that fails decides. Each rule
may rely on every rule before it.
"""

from rorpost_gateway.decision import DeclaredUser, Direction, KeyChoice, Reason
from rorpost_gateway.policy.answers import Answer, Rule, answer
from rorpost_gateway.policy.content_rules import attachments_are_allowed, quotes_stay_inside
from rorpost_gateway.policy.inbound_rules import OPENED_RULES
from rorpost_gateway.policy.inquiry import Inquiry

RECEIVED_MOST = (
    50  # trace fields; RFC 5321, 6.3 asks for a limit of at least 100 hops where nothing else helps
)


def _sender_is_a_mailbox(asked: Inquiry) -> Answer:
    mailbox = asked.sender
    if mailbox is None:
        return Answer(Reason.SENDER_NOT_A_MAILBOX)
    return Answer(Reason.OK, mailbox.position)


def _recipient_is_a_mailbox(asked: Inquiry) -> Answer:
    mailbox = asked.recipient
    if mailbox is None:
        return Answer(Reason.RECIPIENT_NOT_A_MAILBOX)
    return Answer(Reason.OK, mailbox.position)


def _pair_is_allowed(asked: Inquiry) -> Answer:
    channel = asked.channel
    if channel is None:
        return Answer(Reason.PAIR_NOT_ALLOWED)
    return Answer(Reason.OK, channel.position)


def _channel_is_valid(asked: Inquiry) -> Answer:
    channel = asked.channel
    if channel is None:
        return Answer(Reason.CHANNEL_NOT_VALID)
    return answer(Reason.CHANNEL_NOT_VALID, channel.validity_position, fails=not channel.in_force(asked.day))


def _keys_are_usable(asked: Inquiry) -> Answer:
    for mailbox, choice in ((asked.recipient, asked.seal_to), (asked.sender, asked.sign_with)):
        if not isinstance(choice, KeyChoice):
            pins = mailbox.keys if mailbox else ()
            position = pins[0].position if pins else mailbox.position if mailbox else None
            return Answer(choice, position)
    pins = asked.recipient.keys if asked.recipient else ()
    return Answer(Reason.OK, pins[0].position if pins else None)


def _user_is_declared(asked: Inquiry) -> Answer:
    undeclared = not asked.statements
    for statement in asked.statements:
        undeclared = undeclared or not isinstance(statement, DeclaredUser)
    return answer(
        Reason.USER_NOT_DECLARED, asked.rules.positions.get("declared_user.sources"), fails=undeclared
    )


def _user_is_who_they_say(asked: Inquiry) -> Answer:
    question, declared = asked.question, asked.declared_user
    if declared is None:
        return Answer(Reason.USER_MISMATCH)
    named = {statement.address for statement in asked.statements if isinstance(statement, DeclaredUser)}
    # Whoever reads it sees "on behalf of" this person, whether or not Sender is a source here.
    if asked.facts.sender != asked.facts.authors:
        named.update(address for address in asked.facts.sender if address not in asked.facts.authors)
    if question.person is not None:
        named.add(question.person)
    named.discard(declared.address)
    mismatch = (
        (bool(named) and any(not asked.same_person(declared.address, other) for other in named))
        or (question.login is not None and declared.address not in question.login.addresses)
        or (question.person is not None and asked.facts.sender != (question.person,))
    )
    return answer(Reason.USER_MISMATCH, asked.rules.positions.get("declared_user.sources"), fails=mismatch)


def _user_is_authorised(asked: Inquiry) -> Answer:
    listed = asked.authorisations
    if not listed:
        return Answer(Reason.USER_NOT_AUTHORISED, asked.sender.position if asked.sender else None)
    return Answer(Reason.OK, listed[0].position)


def _authorisation_is_valid(asked: Inquiry) -> Answer:
    valid = next((period for period in asked.authorisations if period.in_force(asked.day)), None)
    if valid is None:
        return Answer(Reason.USER_NOT_VALID, asked.authorisations[-1].position)
    return Answer(Reason.OK, valid.position)


def _author_is_the_mailbox(asked: Inquiry) -> Answer:
    return answer(Reason.AUTHOR_MISMATCH, None, fails=asked.facts.authors != (asked.question.sender,))


def _recipients_are_visible(asked: Inquiry) -> Answer:
    recipients = asked.question.envelope_recipients or (asked.question.recipient,)
    hidden = asked.facts.bcc_present
    if asked.rules.recipients_in_header:
        hidden = hidden or not asked.reading.shows(recipients)
    return answer(Reason.HIDDEN_RECIPIENT, asked.rules.positions.get("recipients_in_header"), fails=hidden)


def _addresses_are_mailboxes(asked: Inquiry) -> Answer:
    return answer(Reason.OUTSIDE_RECIPIENT, None, fails=asked.reading.names_outsider)


def _is_not_urgent(asked: Inquiry) -> Answer:
    urgent = asked.rules.urgent_refused and asked.facts.urgent
    return answer(Reason.URGENT, asked.rules.positions.get("urgent"), fails=urgent)


def _subject_holds_no_identity_number(asked: Inquiry) -> Answer:
    found = asked.rules.identity_number_refused and asked.reading.identity_number_in_subject
    position = asked.rules.positions.get("identity_number_in_subject")
    return answer(Reason.IDENTITY_NUMBER_IN_SUBJECT, position, fails=found)


def _attachment_names_hold_no_identity_number(asked: Inquiry) -> Answer:
    found = asked.rules.identity_number_in_names_refused and asked.reading.identity_number_in_a_name
    position = asked.rules.positions.get("identity_number_in_attachment_names")
    return answer(Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME, position, fails=found)


def _legal_basis_is_stated(asked: Inquiry) -> Answer:
    missing = asked.rules.legal_basis is not None and asked.legal_basis is None
    return answer(Reason.LEGAL_BASIS_MISSING, asked.rules.positions.get("legal_basis"), fails=missing)


def _goes_in_no_circle(asked: Inquiry) -> Answer:
    facts = asked.facts
    loop = facts.sealed_already or facts.received_here or facts.received_count > RECEIVED_MOST
    return answer(Reason.MAIL_LOOP, None, fails=loop)


_KEY_REASONS = (Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED, Reason.KEY_UNUSABLE)

ENVELOPE_RULES = (
    Rule(
        reasons=(Reason.SENDER_NOT_A_MAILBOX,),
        name="mailboxes",
        check=_sender_is_a_mailbox,
        outbound_only=False,
    ),
    Rule(
        reasons=(Reason.RECIPIENT_NOT_A_MAILBOX,),
        name="mailboxes",
        check=_recipient_is_a_mailbox,
        outbound_only=False,
    ),
    Rule(reasons=(Reason.PAIR_NOT_ALLOWED,), name="channels", check=_pair_is_allowed, outbound_only=False),
    Rule(
        reasons=(Reason.CHANNEL_NOT_VALID,),
        name="channels.valid_until",
        check=_channel_is_valid,
        outbound_only=False,
    ),
    Rule(reasons=_KEY_REASONS, name="mailboxes.key", check=_keys_are_usable),
)
"""Tried at RCPT. None of them reads the message."""

MESSAGE_RULES = (
    Rule(reasons=(Reason.USER_NOT_DECLARED,), name="rules.declared_user", check=_user_is_declared),
    Rule(reasons=(Reason.USER_MISMATCH,), name="rules.declared_user", check=_user_is_who_they_say),
    Rule(reasons=(Reason.USER_NOT_AUTHORISED,), name="mailboxes.users", check=_user_is_authorised),
    Rule(reasons=(Reason.USER_NOT_VALID,), name="mailboxes.users.valid_until", check=_authorisation_is_valid),
    Rule(reasons=(Reason.AUTHOR_MISMATCH,), name="author", check=_author_is_the_mailbox),
    Rule(
        reasons=(Reason.HIDDEN_RECIPIENT,), name="rules.recipients_in_header", check=_recipients_are_visible
    ),
    Rule(reasons=(Reason.OUTSIDE_RECIPIENT,), name="mailboxes", check=_addresses_are_mailboxes),
    Rule(reasons=(Reason.URGENT,), name="rules.urgent", check=_is_not_urgent),
    Rule(
        reasons=(Reason.IDENTITY_NUMBER_IN_SUBJECT,),
        name="rules.identity_number_in_subject",
        check=_subject_holds_no_identity_number,
    ),
    Rule(
        reasons=(Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME,),
        name="rules.identity_number_in_attachment_names",
        check=_attachment_names_hold_no_identity_number,
    ),
    Rule(reasons=(Reason.OUTSIDE_QUOTES,), name="rules.outside_quotes", check=quotes_stay_inside),
    Rule(reasons=(Reason.ATTACHMENT_NOT_ALLOWED,), name="rules.attachments", check=attachments_are_allowed),
    Rule(reasons=(Reason.LEGAL_BASIS_MISSING,), name="rules.legal_basis", check=_legal_basis_is_stated),
    Rule(reasons=(Reason.MAIL_LOOP,), name="mail-loop", check=_goes_in_no_circle),
)
"""Tried after DATA, outbound; `inbound_rules` has those for what a partner sealed."""

RULES = ENVELOPE_RULES + MESSAGE_RULES

_INBOUND_RULES = tuple(rule for rule in RULES if not rule.outbound_only)


def rules_for(direction: Direction, *, with_message: bool) -> tuple[Rule, ...]:
    """The rules that are tried, in order."""
    if direction is Direction.INBOUND:
        return _INBOUND_RULES + OPENED_RULES if with_message else _INBOUND_RULES
    return RULES if with_message else ENVELOPE_RULES
