"""An explanation as a person sees it: the rules in order, the outcome, the line of YAML behind it."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rorpost_gateway.cli.excerpt import excerpt
from rorpost_gateway.cli.explain.answer import Decision, Explained
from rorpost_gateway.cli.explain.sentences import Sentences
from rorpost_gateway.cli.findings import near_place
from rorpost_gateway.decision import KeyChoice, Position, Reason
from rorpost_gateway.document import WORD
from rorpost_gateway.policy.evaluate import Outcome, Step

_WIDTH = 100  # of a quoted line, where nothing says how wide it may be
_MARKS = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.NOT_TRIED: ("·", "dim"),
}


def show(explained: Explained, sentences: Sentences) -> None:
    """Write it to standard output."""
    console = Console(highlight=False)
    for line in lines_of(explained, sentences, width=min(console.width, _WIDTH)):
        console.print(line, soft_wrap=True)


def lines_of(explained: Explained, sentences: Sentences, *, width: int) -> Iterator[Text]:
    """Line by line."""
    for number, decision in enumerate(explained.decisions):
        if number:
            yield Text()
        way = sentences.word(explained.direction)
        yield Text(f"{explained.sender} → {decision.recipient}, {way}, {_moment(explained)}")
        yield from _steps(decision, sentences)
        yield from _outcome(decision, sentences, width)
    if explained.fault:
        yield Text(f"  {sentences.word('fault')}: {explained.fault}")
    yield Text(f"  {sentences.word('policy')}: {explained.policy.revision}", "dim")
    for note in sentences.notes():
        yield Text(f"  {note}", "dim")


def _moment(explained: Explained) -> str:
    """On the clock of the policy, whose days are meant."""
    return explained.at.astimezone(explained.policy.timezone).isoformat(sep=" ", timespec="seconds")


def _steps(decision: Decision, sentences: Sentences) -> Iterator[Text]:
    not_tried: list[Step] = []
    for step in decision.steps:
        if step.outcome is Outcome.NOT_TRIED:
            not_tried.append(step)
            continue
        mark, style = _MARKS[step.outcome]
        place = f"  {near_place(step.position)}" if step.position is not None else ""
        yield Text.assemble("  ", (mark, style), f" {sentences.of_step(decision, step)}", (place, "dim"))
    if not_tried:
        mark, style = _MARKS[Outcome.NOT_TRIED]
        names = ", ".join(dict.fromkeys(str(reason) for step in not_tried for reason in step.reasons))
        yield Text(f"  {mark} {sentences.of_step(decision, not_tried[0])} ({names})", style)


def _outcome(decision: Decision, sentences: Sentences, width: int) -> Iterator[Text]:
    verdict = decision.verdict
    name, style = ("accepted", "bold green") if verdict.accepted else ("refused", "bold red")
    yield Text.assemble((sentences.word(name), style), f" [{verdict.reason}]")
    yield Text(f"  {sentences.summary(decision)}")
    if verdict.position is not None:
        yield Text(f"  {sentences.word('behind')}: {near_place(verdict.position)}")
        yield from quoted(verdict.position, width)
    elif verdict.rule.startswith("rules.") and verdict.reason is not Reason.OK:
        yield Text(f"  {sentences.word('default')}: {verdict.rule}")
    values = {
        "channel": verdict.channel,
        "declared_user": verdict.declared_user.address if verdict.declared_user else None,
        "declared_by": sentences.declared_by(decision),
        "legal_basis": verdict.legal_basis,
        "because_of": verdict.because_of,
        "seal_to": _key(verdict.seal_to, sentences),
        "sign_with": _key(verdict.sign_with, sentences),
        "encrypted_to": decision.line.get("encrypted_to") if verdict.seal_to is None else None,
        "signed_by": decision.line.get("signed_by") if verdict.sign_with is None else None,
    }
    for field, value in values.items():
        if value is not None:
            yield Text(f"  {sentences.word(field)}: {value}")
    yield Text(f"  {sentences.word('reply')}: {decision.reply}")


def quoted(position: Position, width: int) -> Iterator[Text]:
    """The line of the file, with what decided it underlined; nothing where it cannot be read any more."""
    line = _line_at(position)
    if line is None:
        return
    gutter = f"{position.line:>7} | "
    part = excerpt(line, column=position.column, length=WORD, room=width - len(gutter))
    yield Text.assemble((gutter, "dim"), part.text)
    yield Text.assemble((" " * 7 + " | ", "dim"), " " * part.indent, ("^" + "~" * (part.width - 1), "bold"))


def _line_at(position: Position) -> str | None:
    try:
        with Path(position.file).open(encoding="utf-8-sig", errors="replace") as file:
            return next(
                (line.rstrip("\n") for number, line in enumerate(file, 1) if number == position.line), None
            )
    except OSError:
        return None


def _key(choice: KeyChoice | None, sentences: Sentences) -> str | None:
    return f"{choice.primary} ({sentences.word('subkey')} {choice.subkey})" if choice else None
