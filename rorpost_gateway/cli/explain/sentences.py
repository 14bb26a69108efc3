"""The explanation in sentences, in the language of the gateway; the words stand in `sv.toml` and `en.toml`.

A sentence tells what the policy says and who is named in it; never what a message holds.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rorpost_gateway.cli.explain.answer import Decision, Explained
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.policy.evaluate import Outcome, Step
from rorpost_gateway.policy.model import Rules
from rorpost_gateway.reply import Language

# What a channel may leave out: rule → whether it does.
_LEFT_OUT: Final[Mapping[str, Callable[[Rules], bool]]] = {
    "rules.recipients_in_header": lambda rules: not rules.recipients_in_header,
    "rules.urgent": lambda rules: not rules.urgent_refused,
    "rules.identity_number_in_subject": lambda rules: not rules.identity_number_refused,
    "rules.identity_number_in_attachment_names": lambda rules: not rules.identity_number_in_names_refused,
    "rules.outside_quotes": lambda rules: not rules.outside_quotes_refused,
    "rules.attachments": lambda rules: rules.attachments is None,
    "rules.legal_basis": lambda rules: rules.legal_basis is None,
    "rules.unprotected_headers": lambda rules: not rules.unprotected_headers_refused,
}
# Rules whose first reason is another rule's as well.
NAMED: Final[Mapping[tuple[str, Reason], str]] = {
    ("outer fields", Reason.AUTHOR_MISMATCH): "outer-fields",
    ("mailboxes.key", Reason.HIDDEN_RECIPIENT): "sealed-to",
}


def words_in(language: Language) -> dict[str, Any]:
    """Every sentence of a language, by table and name."""
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))


class Sentences:
    """All that is said of one explanation."""

    def __init__(self, explained: Explained, language: Language) -> None:
        self._explained = explained
        self.words = words_in(language)

    def word(self, name: str) -> str:
        """A label, or the name of an outcome."""
        return str(self.words["labels"][name])

    def declared_by(self, decision: Decision) -> str | None:
        """Where the sending user was stated, in words."""
        declared = decision.verdict.declared_user
        return str(self.words["declared_by"][declared.declared_by]) if declared is not None else None

    def of_step(self, decision: Decision, step: Step) -> str:
        """What came of one rule."""
        if step.outcome is Outcome.NOT_TRIED:
            return self._not_tried(decision)
        if step.outcome is Outcome.FAILED:
            return self._failed(decision, step)
        if (left_out := _LEFT_OUT.get(step.rule)) is not None and left_out(decision.rules):
            return str(self.words["notes"]["left-out"]).format(rule=step.rule)
        name = NAMED.get((step.rule, step.reasons[0]), step.reasons[0])
        if name == Reason.USER_NOT_DECLARED and decision.verdict.declared_user is None:
            name = "user-not-stated"
        return self._filled(self.words["passed"][name], decision)

    def summary(self, decision: Decision) -> str:
        """The outcome for one recipient, and why."""
        verdict, table = decision.verdict, self.words["summary"]
        if verdict.accepted:
            return self._filled(table["accepted"], decision)
        if verdict.because_of is not None:
            return self._filled(table["because-of"], decision)
        step = decision.decided_by
        why = self._failed(decision, step) if step is not None else self._by_reason(decision, verdict.reason)
        return self._filled(table["refused"], decision) + " " + why

    def notes(self) -> list[str]:
        """What was assumed, and what was not asked."""
        names = list(self._explained.assumed)
        if not self._explained.message_judged and "not-asked" not in names:
            inbound = self._explained.direction is Direction.INBOUND
            names.append("envelope-only-inbound" if inbound else "envelope-only")
        return [str(self.words["notes"][name]) for name in names]

    def as_data(self) -> dict[str, Any]:
        """For scripts: a sentence a rule, and the outcome."""
        first = self._explained.first
        return {
            "sentences": [
                *(self.of_step(first, step) for step in first.steps if step.outcome is Outcome.PASSED),
                self.summary(first),
            ],
            "notes": self.notes(),
        }

    def _not_tried(self, decision: Decision) -> str:
        notes = self.words["notes"]
        return str(notes["not-tried" if decision.decided_by is not None else "no-message"])

    def _failed(self, decision: Decision, step: Step) -> str:
        return self._by_reason(decision, step.reason or step.reasons[0])

    def _by_reason(self, decision: Decision, reason: Reason) -> str:
        return self._filled(self.words["failed"][reason], decision)

    def _filled(self, template: str, decision: Decision) -> str:
        verdict, policy = decision.verdict, self._explained.policy
        declared = verdict.declared_user
        mailbox = policy.mailbox(decision.recipient)
        asked = decision.question
        sender = asked.sender if asked is not None else decision.line.get("reverse_path")
        return template.format(
            sender=sender or self._explained.sender,
            recipient=decision.recipient,
            unit=mailbox.name if mailbox is not None else decision.recipient,
            channel=verdict.channel or "-",
            day=policy.day(self._explained.at),
            user=declared.address if declared is not None else "-",
            declared_by=self.declared_by(decision) or "-",
            because_of=verdict.because_of or "-",
        )
