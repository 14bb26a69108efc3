"""The decision: one pure function per question. Time, keys and the message's facts are arguments.

Invariant: OK is said only after every rule that applies was tried and passed; whatever a
rule cannot answer is a refusal. Default deny: what no channel names is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rorpost_gateway.decision import Direction, KeyChoice, Position, Reason, Verdict
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.answers import Answer, Rule
from rorpost_gateway.policy.inquiry import Inquiry, Question, Reading, own_mailbox, without_pin
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.rule_table import ENVELOPE_RULES, rules_for

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

_OK = Reason.OK  # looked up once: a member costs a call
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
    mailbox = own_mailbox(policy, address, own_domains)
    if mailbox is None:
        return Verdict(reason=Reason.SENDER_NOT_A_MAILBOX, rule=ENVELOPE_RULES[0].name)
    return Verdict(reason=Reason.OK, rule=ENVELOPE_RULES[0].name, position=mailbox.position)


def evaluate(policy: Policy, keys: KeyIndex, question: Question) -> Verdict:
    """Decide one recipient: at RCPT without facts, after DATA with them."""
    reading = Reading(question.facts, policy) if question.facts is not None else None
    return _decide(Inquiry(policy, keys, question, reading))


def evaluate_all(policy: Policy, keys: KeyIndex, questions: Sequence[Question]) -> list[Verdict]:
    """Decide one message after DATA, for all its recipients: all are accepted, or none is.

    `questions` differ in their recipient only. Where some are refused, the reason that is
    first in the order of rules (then of recipients) is everybody's; `because_of` names the
    recipient it is of in the verdicts of all whose own reason is another.
    """
    reading = None
    if questions and questions[0].facts is not None:
        reading = Reading(questions[0].facts, policy)
    verdicts = [_decide(Inquiry(policy, keys, question, reading)) for question in questions]
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
    asked = Inquiry(policy, keys, question, None)
    for rule in ENVELOPE_RULES[:-1]:
        answer = rule.check(asked)
        if answer.reason is not Reason.OK:
            return _verdict(asked, rule, answer)
    reason = sealed_with_usable_keys(asked, encrypted_to, encrypted_to_subkey, signed_by)
    key_rule = ENVELOPE_RULES[-1]
    position = asked.channel.position if reason is Reason.OK and asked.channel else None
    return _verdict(asked, key_rule, Answer(reason, position))


def trace(policy: Policy, keys: KeyIndex, question: Question) -> list[Step]:
    """Every rule with its outcome, in the order tried: why the answer is what it is."""
    reading = Reading(question.facts, policy) if question.facts is not None else None
    asked = Inquiry(policy, keys, question, reading)
    tried = set(map(id, rules_for(question.direction, with_message=reading is not None)))
    steps: list[Step] = []
    failed = False
    for rule in rules_for(question.direction, with_message=True):
        if failed or id(rule) not in tried:
            steps.append(Step(rule=rule.name, reasons=rule.reasons, outcome=Outcome.NOT_TRIED))
            continue
        answer = rule.check(asked)
        failed = answer.reason is not Reason.OK
        steps.append(
            Step(
                rule=rule.name,
                reasons=rule.reasons,
                outcome=Outcome.FAILED if failed else Outcome.PASSED,
                reason=answer.reason if failed else None,
                position=answer.position,
            )
        )
    return steps


def _decide(asked: Inquiry) -> Verdict:
    question = asked.question
    for rule in rules_for(question.direction, with_message=question.facts is not None):
        answer = rule.check(asked)
        if answer.reason is not _OK:
            return _verdict(asked, rule, answer)
    position = asked.channel.position if asked.channel is not None else None
    return _verdict(asked, None, Answer(_OK, position))


def _verdict(asked: Inquiry, rule: Rule | None, answer: Answer) -> Verdict:
    accepted = answer.reason is Reason.OK
    with_message = asked.question.facts is not None
    sealing = accepted and asked.question.direction is Direction.OUTBOUND
    seal_to, sign_with = (asked.seal_to, asked.sign_with) if sealing else (None, None)
    return Verdict(
        reason=answer.reason,
        rule=rule.name if rule is not None else "channels",
        position=answer.position,
        channel=asked.channel.name if asked.channel is not None else None,
        phone=asked.recipient.phone if asked.recipient is not None else None,
        declared_user=asked.declared_user if with_message else None,
        legal_basis=asked.legal_basis if with_message else None,
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
