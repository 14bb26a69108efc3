"""The decision: one pure function per question. Time, keys and the message's facts are arguments.

Invariant: OK is said only after every rule that applies was tried and passed; whatever a
rule cannot answer is a refusal. Default deny: what no channel names is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rorpost_gateway.decision import Direction, KeyChoice, Position, Reason, Verdict
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.answers import Rule
from rorpost_gateway.policy.envelope_rules import KEY_RULE, PAIR_RULES
from rorpost_gateway.policy.inquiry import Inquiry, Question, of_this_side, without_pin
from rorpost_gateway.policy.message_inquiry import MessageInquiry, OpenedInquiry, SubmittedInquiry
from rorpost_gateway.policy.message_reading import Reading
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.rule_table import rules_for

__all__ = [
    "Outcome",
    "Question",
    "Step",
    "evaluate",
    "evaluate_all",
    "judge_again",
    "judge_sender",
    "trace",
]

_OK, _OUTBOUND = Reason.OK, Direction.OUTBOUND  # looked up once: a member costs a call
_ORDER = {reason: place for place, reason in enumerate(Reason)}


class Outcome(StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not tried"  # an earlier rule failed, or there is no message to read


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rule that was looked at, for whoever asks why."""

    rule: str
    reasons: tuple[Reason, ...]  # what it refuses with
    outcome: Outcome
    reason: Reason | None = None  # where it failed
    position: Position | None = None


def judge_sender(policy: Policy, *, address: str, own_domains: frozenset[str]) -> Verdict:
    """At MAIL: whether the reverse-path is a function mailbox of this side's."""
    mailbox = of_this_side(policy.mailbox(address), own_domains)
    if mailbox is None:
        return Verdict(reason=Reason.SENDER_NOT_A_MAILBOX, rule=PAIR_RULES[0].name)
    return Verdict(reason=Reason.OK, rule=PAIR_RULES[0].name, position=mailbox.position)


def evaluate(policy: Policy, keys: KeyIndex, question: Question) -> Verdict:
    """Decide one recipient: at RCPT without facts, after DATA with them."""
    reading = Reading(question.facts, policy) if question.facts is not None else None
    return _decide(_asked(policy, keys, question, reading))


def evaluate_all(policy: Policy, keys: KeyIndex, questions: Sequence[Question]) -> list[Verdict]:
    """Decide one message after DATA, for all its recipients: all are accepted, or none is.

    `questions` differ in their recipient only. Where some are refused, the reason that is
    first in the order of rules (then of recipients) is everybody's; `because_of` names the
    recipient it is of in the verdicts of all whose own reason is another.
    """
    reading = None
    if questions and questions[0].facts is not None:
        reading = Reading(questions[0].facts, policy)
    verdicts = [_decide(_asked(policy, keys, question, reading)) for question in questions]
    refused = [
        (_ORDER[verdict.reason], place) for place, verdict in enumerate(verdicts) if not verdict.accepted
    ]
    if not refused:
        return verdicts
    place = min(refused)[1]
    cause, recipient = verdicts[place], questions[place].recipient
    return [_refused_with(verdict, cause, recipient) for verdict in verdicts]


def judge_again(
    policy: Policy,
    keys: KeyIndex,
    *,
    sender: str,
    recipient: str,
    at: datetime,
    own_domains: frozenset[str],
    encrypted_to: str,
    encrypted_to_subkey: str,
    signed_by: str,
) -> Verdict:
    """Before an attempt to relay a sealed copy: is the pair still allowed, are its keys still usable?

    `encrypted_to`, `signed_by` are primary fingerprints. They need not be what would be chosen
    now, but must still be pinned where the mailbox has pins, and usable.
    """
    question = Question(
        direction=Direction.OUTBOUND, at=at, sender=sender, recipient=recipient, own_domains=own_domains
    )
    asked = Inquiry(policy, keys, question)
    for rule in PAIR_RULES:
        refused = rule.check(asked)
        if refused is not None:
            return _refusal(asked, refused, rule)
    reason = sealed_with_usable_keys(asked, encrypted_to, encrypted_to_subkey, signed_by)
    position = asked.channel.position if reason is _OK and asked.channel else None
    return _verdict(asked, reason, KEY_RULE.name, position)


def trace(policy: Policy, keys: KeyIndex, question: Question) -> list[Step]:
    """Every rule with its outcome, in the order tried: why the answer is what it is."""
    reading = Reading(question.facts, policy) if question.facts is not None else None
    asked = _asked(policy, keys, question, reading)
    tried = set(map(id, rules_for(question.direction, with_message=reading is not None)))
    steps: list[Step] = []
    failed = False
    for rule in rules_for(question.direction, with_message=True):
        if failed or id(rule) not in tried:
            steps.append(Step(rule=rule.name, reasons=rule.reasons, outcome=Outcome.NOT_TRIED))
            continue
        reason = rule.check(asked)
        failed = reason is not None
        steps.append(
            Step(
                rule=rule.name,
                reasons=rule.reasons,
                outcome=Outcome.FAILED if failed else Outcome.PASSED,
                reason=reason,
                position=rule.position(asked),
            )
        )
    return steps


def _asked(policy: Policy, keys: KeyIndex, question: Question, reading: Reading | None) -> Inquiry:
    """The kind of inquiry that the rules for this question ask."""
    if reading is None:
        return Inquiry(policy, keys, question)
    kind = SubmittedInquiry if question.direction is _OUTBOUND else OpenedInquiry
    return kind(policy, keys, question, reading)


def _decide(asked: Inquiry) -> Verdict:
    question = asked.question
    for rule in rules_for(question.direction, with_message=question.facts is not None):
        refused: Reason | None = rule.check(asked)
        if refused is not None:
            return _refusal(asked, refused, rule)
    return _verdict(asked, _OK, "channels", asked.channel.position if asked.channel is not None else None)


def _refusal(asked: Inquiry, reason: Reason, rule: Rule[Any]) -> Verdict:
    if reason is _OK:
        # Fail closed: the rules after it would not have been tried.
        raise ValueError(f"the rule {rule.name} says OK as if it were a refusal")
    return _verdict(asked, reason, rule.name, rule.position(asked))


def _verdict(asked: Inquiry, reason: Reason, rule: str, position: Position | None) -> Verdict:
    sealing = reason is _OK and asked.question.direction is _OUTBOUND
    seal_to, sign_with = (asked.seal_to, asked.sign_with) if sealing else (None, None)
    message = asked if isinstance(asked, MessageInquiry) else None
    return Verdict(
        reason=reason,
        rule=rule,
        position=position,
        channel=asked.channel.name if asked.channel is not None else None,
        phone=asked.recipient.phone if asked.recipient is not None else None,
        declared_user=message.declared_user if message is not None else None,
        legal_basis=message.legal_basis if message is not None else None,
        seal_to=seal_to if isinstance(seal_to, KeyChoice) else None,
        sign_with=sign_with if isinstance(sign_with, KeyChoice) else None,
    )


def _refused_with(verdict: Verdict, cause: Verdict, recipient: str) -> Verdict:
    """What a recipient hears of a message that is refused as a whole."""
    if verdict.reason is cause.reason:
        return verdict
    return replace(
        verdict,
        reason=cause.reason,
        rule=cause.rule,
        position=cause.position,
        seal_to=None,
        sign_with=None,
        because_of=recipient,
    )


def sealed_with_usable_keys(
    asked: Inquiry, encrypted_to: str, encrypted_to_subkey: str, signed_by: str
) -> Reason:
    """Whether these keys may still be used for this pair; not whether they would be chosen now."""
    at, own_domains = asked.question.at, asked.question.own_domains
    for mailbox, fingerprint in ((asked.recipient, encrypted_to), (asked.sender, signed_by)):
        if mailbox is None:
            return Reason.KEY_MISSING
        pinned = mailbox.keys_on(asked.day)
        if refusal := without_pin(mailbox, pinned, own_domains):
            return refusal
        if pinned and fingerprint not in pinned:
            return Reason.KEY_UNUSABLE
    fault = asked.keys.fault_of(KeyChoice(primary=encrypted_to, subkey=encrypted_to_subkey), at)
    if fault is not None:
        return fault
    sign_with = asked.keys.for_signing(asked.question.sender, (signed_by,), at)
    return Reason.OK if isinstance(sign_with, KeyChoice) else sign_with
