"""The rules, one after the other, one pure function each; config/README.md lists them.

A rule says why not, or None where it has nothing against the message; beside it stands, for
whoever asks, which line of the policy is behind it. The order of `RULES` is the order of
`Reason`; the first rule that fails decides. Each rule may rely on every rule before it.
"""

from typing import Any

from rorpost_gateway.decision import DeclaredUser, Direction, Position, Reason
from rorpost_gateway.policy.answers import Answer, Rule, rule_line
from rorpost_gateway.policy.content_rules import CONTENT_RULES, URGENT_RULE
from rorpost_gateway.policy.envelope_rules import ENVELOPE_RULES, PAIR_RULES, sender_line
from rorpost_gateway.policy.inbound_rules import OPENED_RULES
from rorpost_gateway.policy.message_inquiry import MessageInquiry, SubmittedInquiry

RECEIVED_MOST = (
    50  # trace fields; RFC 5321, 6.3 asks for a limit of at least 100 hops where nothing else helps
)
_INBOUND = Direction.INBOUND  # looked up once: a member costs a call


def _user_is_declared(asked: MessageInquiry) -> Answer:
    if not asked.statements:
        return Reason.USER_NOT_DECLARED
    for statement in asked.statements:
        if not isinstance(statement, DeclaredUser):
            return Reason.USER_NOT_DECLARED
    return None


def _user_is_who_they_say(asked: SubmittedInquiry) -> Answer:
    question, declared, facts = asked.question, asked.declared_user, asked.facts
    if declared is None:
        return Reason.USER_MISMATCH
    if question.login is not None and declared.address not in question.login.addresses:
        return Reason.USER_MISMATCH
    if question.person is not None and facts.sender != (question.person,):
        return Reason.USER_MISMATCH
    named = [statement.address for statement in asked.statements if isinstance(statement, DeclaredUser)]
    # Whoever reads it sees "on behalf of" this person, whether or not Sender is a source here.
    named += [address for address in facts.sender if address not in facts.authors]
    for other in named:
        if not asked.same_person(declared.address, other):
            return Reason.USER_MISMATCH
    return None


def _user_is_authorised(asked: MessageInquiry) -> Answer:
    return None if asked.authorisations else Reason.USER_NOT_AUTHORISED


def _first_authorisation_line(asked: MessageInquiry) -> Position | None:
    return asked.authorisations[0].position if asked.authorisations else sender_line(asked)


def _authorisation_is_valid(asked: MessageInquiry) -> Answer:
    return Reason.USER_NOT_VALID if asked.authorisation is None else None


def _authorisation_line(asked: MessageInquiry) -> Position | None:
    return (asked.authorisation or asked.authorisations[-1]).position


def _author_is_the_mailbox(asked: MessageInquiry) -> Answer:
    return None if asked.facts.authors == (asked.question.sender,) else Reason.AUTHOR_MISMATCH


def _recipients_are_visible(asked: MessageInquiry) -> Answer:
    recipients = asked.question.envelope_recipients or (asked.question.recipient,)
    hidden = asked.facts.bcc_present
    if asked.rules.recipients_in_header:
        hidden = hidden or not asked.reading.shows(recipients)
    return Reason.HIDDEN_RECIPIENT if hidden else None


def _addresses_are_mailboxes(asked: MessageInquiry) -> Answer:
    return Reason.OUTSIDE_RECIPIENT if asked.reading.names_outsider else None


def _subject_holds_no_identity_number(asked: MessageInquiry) -> Answer:
    found = asked.rules.identity_number_refused and asked.reading.identity_number_in_subject
    return Reason.IDENTITY_NUMBER_IN_SUBJECT if found else None


def _attachment_names_hold_no_identity_number(asked: MessageInquiry) -> Answer:
    found = asked.rules.identity_number_in_names_refused and asked.reading.identity_number_in_a_name
    return Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME if found else None


def _goes_in_no_circle(asked: MessageInquiry) -> Answer:
    facts = asked.facts
    loop = facts.sealed_already or facts.received_here or facts.received_count > RECEIVED_MOST
    return Reason.MAIL_LOOP if loop else None


MESSAGE_RULES: tuple[Rule[SubmittedInquiry], ...] = (
    Rule(
        reasons=(Reason.USER_NOT_DECLARED,),
        name="rules.declared_user",
        check=_user_is_declared,
        position=rule_line("declared_user.sources"),
    ),
    Rule(
        reasons=(Reason.USER_MISMATCH,),
        name="rules.declared_user",
        check=_user_is_who_they_say,
        position=rule_line("declared_user.sources"),
    ),
    Rule(
        reasons=(Reason.USER_NOT_AUTHORISED,),
        name="mailboxes.users",
        check=_user_is_authorised,
        position=_first_authorisation_line,
    ),
    Rule(
        reasons=(Reason.USER_NOT_VALID,),
        name="mailboxes.users.valid_until",
        check=_authorisation_is_valid,
        position=_authorisation_line,
    ),
    Rule(reasons=(Reason.AUTHOR_MISMATCH,), name="author", check=_author_is_the_mailbox),
    Rule(
        reasons=(Reason.HIDDEN_RECIPIENT,),
        name="rules.recipients_in_header",
        check=_recipients_are_visible,
        position=rule_line("recipients_in_header"),
    ),
    Rule(reasons=(Reason.OUTSIDE_RECIPIENT,), name="mailboxes", check=_addresses_are_mailboxes),
    URGENT_RULE,
    Rule(
        reasons=(Reason.IDENTITY_NUMBER_IN_SUBJECT,),
        name="rules.identity_number_in_subject",
        check=_subject_holds_no_identity_number,
        position=rule_line("identity_number_in_subject"),
    ),
    Rule(
        reasons=(Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME,),
        name="rules.identity_number_in_attachment_names",
        check=_attachment_names_hold_no_identity_number,
        position=rule_line("identity_number_in_attachment_names"),
    ),
    *CONTENT_RULES,
    Rule(reasons=(Reason.MAIL_LOOP,), name="mail-loop", check=_goes_in_no_circle),
)
"""Tried after DATA, outbound; `inbound_rules` has those for what a partner sealed."""

RULES: tuple[Rule[SubmittedInquiry], ...] = ENVELOPE_RULES + MESSAGE_RULES

_INBOUND_RULES = PAIR_RULES + OPENED_RULES


def rules_for(direction: Direction, *, with_message: bool) -> tuple[Rule[Any], ...]:
    """The rules that are tried, in order; of a `SubmittedInquiry` or an `OpenedInquiry` with a message."""
    if direction is _INBOUND:
        return _INBOUND_RULES if with_message else PAIR_RULES
    return RULES if with_message else ENVELOPE_RULES
