"""The rules on what a message holds, the same in both directions, and which of it they need to know.

Fail closed: what a rule needs and nobody has looked for is a refusal.
"""

from collections.abc import Iterable
from datetime import datetime

from rorpost_gateway.decision import Direction, Position, Reason
from rorpost_gateway.facts import Look
from rorpost_gateway.policy.answers import Answer, Rule, rule_line
from rorpost_gateway.policy.message_inquiry import MessageInquiry
from rorpost_gateway.policy.model import Policy


def content_to_look_at(
    policy: Policy, direction: Direction, *, sender: str, recipients: Iterable[str], at: datetime
) -> Look:
    """What has to be known of the content of a message before it is decided for these recipients.

    Addresses are lower case; `at` is aware. Nothing where no channel leads there.
    """
    look, day = Look(0), policy.day(at)
    for recipient in recipients:
        for channel in policy.pairs.get((sender, recipient), ()):
            if channel.in_force(day):
                look |= channel.rules.looks_at(direction)
    return look


def _is_not_urgent(asked: MessageInquiry) -> Answer:
    return Reason.URGENT if asked.rules.urgent_refused and asked.facts.urgent else None


def _legal_basis_is_stated(asked: MessageInquiry) -> Answer:
    missing = asked.rules.legal_basis is not None and asked.legal_basis is None
    return Reason.LEGAL_BASIS_MISSING if missing else None


def _attachments_are_allowed(asked: MessageInquiry) -> Answer:
    """What is attached is of a type and a size that the channel takes, and shows what it is."""
    return Reason.ATTACHMENT_NOT_ALLOWED if _broken_by_attachments(asked) is not None else None


def _attachment_line(asked: MessageInquiry) -> Position | None:
    """The line of what refuses the attachments, or else of all that is said of them."""
    positions = asked.rules.positions
    return positions.get(f"attachments.{_broken_by_attachments(asked)}", positions.get("attachments"))


def _broken_by_attachments(asked: MessageInquiry) -> str | None:
    rules = asked.rules.attachments
    if rules is None:
        return None
    content = asked.facts.content
    found = content.attachments if content is not None else None
    return "uninspectable" if found is None else rules.broken_by(found)


def _quotes_stay_inside(asked: MessageInquiry) -> Answer:
    """Whatever is quoted was written among the channel's own mailboxes and their people."""
    outside = asked.rules.outside_quotes_refused and _quotes_outside(asked)
    return Reason.OUTSIDE_QUOTES if outside else None


def _quotes_outside(asked: MessageInquiry) -> bool:
    content = asked.facts.content
    if content is None or content.quotes is None:
        return True
    return any(not _may_be_quoted(quoted, asked) for quoted in content.quotes.quoted)


def _may_be_quoted(quoted: frozenset[str], asked: MessageInquiry) -> bool:
    """Whether a quoted message brings nothing from outside the channel.

    One that both ends have had already, as a message to several mailboxes, may be quoted between
    them, though others who had it stand in no channel with each other.
    """
    outside = quoted - asked.inside_channel
    if not outside:
        return True
    question = asked.question
    both_had_it = {question.sender, question.recipient} <= quoted
    return both_had_it and all(asked.policy.mailbox(address) is not None for address in outside)


URGENT_RULE: Rule[MessageInquiry] = Rule(
    reasons=(Reason.URGENT,), name="rules.urgent", check=_is_not_urgent, position=rule_line("urgent")
)

CONTENT_RULES: tuple[Rule[MessageInquiry], ...] = (
    Rule(
        reasons=(Reason.OUTSIDE_QUOTES,),
        name="rules.outside_quotes",
        check=_quotes_stay_inside,
        position=rule_line("outside_quotes"),
    ),
    Rule(
        reasons=(Reason.ATTACHMENT_NOT_ALLOWED,),
        name="rules.attachments",
        check=_attachments_are_allowed,
        position=_attachment_line,
    ),
    Rule(
        reasons=(Reason.LEGAL_BASIS_MISSING,),
        name="rules.legal_basis",
        check=_legal_basis_is_stated,
        position=rule_line("legal_basis"),
    ),
)
