"""What is explained: the decision on each recipient, and every rule that was looked at on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rorpost_gateway.daemon.rehearsal import Line, Rehearsed
from rorpost_gateway.decision import Direction, KeyChoice, Reason, Verdict
from rorpost_gateway.policy.evaluate import Outcome, Question, Step, evaluate, evaluate_all, trace
from rorpost_gateway.policy.model import Policy, Rules
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reply import Language, reply_for

_FROM_LINE = ("reason", "rule", "channel", "declared_user", "declared_by", "legal_basis", "because_of")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One recipient. `line` is what the decision log would say; `reply` what the client hears of it."""

    recipient: str
    verdict: Verdict
    steps: tuple[Step, ...]
    rules: Rules  # of the channel; the policy's own where there is none
    reply: str
    line: Line
    question: Question | None  # None: the policy was not asked

    @property
    def decided_by(self) -> Step | None:
        """The rule that refused it."""
        return next((step for step in self.steps if step.outcome is Outcome.FAILED), None)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Everything there is to tell. `fault`: why a message could not be read or opened."""

    direction: Direction
    at: datetime
    sender: str
    policy: Policy
    decisions: tuple[Decision, ...]
    message_judged: bool
    fault: str = ""
    assumed: tuple[str, ...] = ()  # names of sentences

    @property
    def accepted(self) -> bool:
        return all(decision.verdict.accepted for decision in self.decisions)

    @property
    def first(self) -> Decision:
        """The one to begin with: the first that is refused, where one is."""
        return next((each for each in self.decisions if not each.verdict.accepted), self.decisions[0])


def of_questions(
    in_force: InForce, questions: list[Question], *, language: Language, own_texts: Mapping[Reason, str]
) -> list[Decision]:
    """Of the envelope alone, each for itself; or with an assumed message, which goes to all or to none."""
    policy, keys = in_force.policy, in_force.keys
    verdicts = [evaluate(policy, keys, question) for question in questions]
    if questions[0].facts is not None:
        verdicts = evaluate_all(policy, keys, questions)
    decisions = []
    for question, verdict in zip(questions, verdicts, strict=True):
        mailbox = policy.mailbox(question.recipient)
        reply = reply_for(
            verdict.reason,
            language,
            own_texts=own_texts,
            queue_id="QUEUE_ID",
            unit=mailbox.name if mailbox is not None else "",
            phone=verdict.phone,
        )
        decisions.append(
            Decision(
                recipient=question.recipient,
                verdict=verdict,
                steps=tuple(trace(policy, keys, question)),
                rules=_rules(policy, verdict),
                reply=reply.line,
                line={},
                question=question,
            )
        )
    return decisions


def of_rehearsal(in_force: InForce, rehearsed: Rehearsed, recipients: tuple[str, ...]) -> list[Decision]:
    """Decisions as they stand in the lines; the rules behind them from what the policy was asked."""
    lines = {str(line["recipient"]): line for line in rehearsed.lines if "recipient" in line}
    at_mail = next((line for line in rehearsed.lines if "recipient" not in line), {})
    return [
        _of_line(in_force, rehearsed, recipient, lines.get(recipient, at_mail)) for recipient in recipients
    ]


def _of_line(in_force: InForce, rehearsed: Rehearsed, recipient: str, line: Line) -> Decision:
    question = rehearsed.asked.get(recipient)
    said = {name: line.get(name) for name in _FROM_LINE}
    reason = Reason(str(said["reason"]))
    steps: tuple[Step, ...] = ()
    verdict = Verdict(reason=reason, rule=str(said["rule"]))
    if question is not None:
        steps = tuple(trace(in_force.policy, in_force.keys, question))
        verdict = replace(
            evaluate(in_force.policy, in_force.keys, question), because_of=_text(line, "because_of")
        )
    cause = rehearsed.asked.get(verdict.because_of or "")
    if cause is not None:
        behind = evaluate(in_force.policy, in_force.keys, cause)
        verdict = replace(verdict, reason=behind.reason, rule=behind.rule, position=behind.position)
    if (verdict.reason, verdict.rule) != (reason, said["rule"]):  # found by what is no rule of the policy
        steps = (*_untried(steps), _by_itself(reason, str(said["rule"])))
        verdict = replace(verdict, reason=reason, rule=str(said["rule"]), position=None)
    if reason is not Reason.OK:
        verdict = replace(verdict, seal_to=None, sign_with=None)
    reply = rehearsed.replies.get(recipient, rehearsed.reply)
    return Decision(
        recipient=recipient,
        verdict=verdict,
        steps=steps,
        rules=_rules(in_force.policy, verdict),
        reply=reply.line.replace(_text(line, "queue_id") or "QUEUE_ID", "QUEUE_ID"),
        line=line,
        question=question,
    )


def _by_itself(reason: Reason, rule: str) -> Step:
    return Step(rule=rule, reasons=(reason,), outcome=Outcome.FAILED, reason=reason)


def _untried(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps that came before something else refused the message."""
    return tuple(step for step in steps if step.outcome is Outcome.PASSED)


def _rules(policy: Policy, verdict: Verdict) -> Rules:
    found = next((each for each in policy.channels if each.name == verdict.channel), None)
    return found.rules if found is not None else policy.rules


def _text(line: Line, name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) else None


def as_data(explained: Explained, says: Mapping[str, Any]) -> dict[str, Any]:
    """For scripts. Above all recipients stands the first that is refused, or the first."""
    decisions = [_decision_data(each) for each in explained.decisions]
    first = decisions[explained.decisions.index(explained.first)]
    return {
        "accepted": explained.accepted,
        "direction": explained.direction,
        "from": explained.sender,
        "policy": explained.policy.revision,
        "at": explained.at.isoformat(),
        "message_judged": explained.message_judged,
        **{name: value for name, value in first.items() if name != "accepted"},
        "fault": explained.fault or None,
        **says,
        "recipients": decisions,
    }


def _decision_data(decision: Decision) -> dict[str, Any]:
    verdict, line = decision.verdict, decision.line
    declared = verdict.declared_user
    return {
        "recipient": decision.recipient,
        "accepted": verdict.accepted,
        "action": line.get("action", "accept" if verdict.accepted else "reject"),
        "reason": verdict.reason,
        "rule": verdict.rule,
        "position": str(verdict.position) if verdict.position else None,
        "channel": line.get("channel", verdict.channel),
        "because_of": verdict.because_of,
        "declared_user": line.get("declared_user", declared.address if declared else None),
        "declared_by": line.get("declared_by", declared.declared_by if declared else None),
        "legal_basis": line.get("legal_basis", verdict.legal_basis),
        "seal_to": _key(verdict.seal_to),
        "sign_with": _key(verdict.sign_with),
        "reply": decision.reply,
        "line": {name: value for name, value in line.items() if name not in _MADE_LATER and value != ""},
        "steps": [_step_data(step) for step in decision.steps],
    }


# What only sealing and queueing make, or the asker did not say.
_MADE_LATER = frozenset({"decision_id", "queue_id", "content_sha256", "client", "tls"})


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "outcome": step.outcome,
        "refuses_with": list(step.reasons),
        "reason": step.reason,
        "position": str(step.position) if step.position else None,
    }


def _key(choice: KeyChoice | None) -> dict[str, str] | None:
    return {"primary": choice.primary, "subkey": choice.subkey} if choice else None
