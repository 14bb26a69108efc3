"""Everything on trial, decided by the daemon's parts and explained, and how the two differ."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.demo import names
from tests.golden.explained import dialogues, on_behalf, shipped
from tests.golden.explained.demonstrated import Demonstrated
from tests.golden.explained.gateway import Gateway
from tests.golden.explained.trial import Outcome, Trial, compared
from tests.peers.gnupg_home import PreparedKeys

_QUEUE_ID = "queued as "


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One trial: `said` is explain's answer, `outcome` the daemon's."""

    source: str
    trial: Trial
    outcome: Outcome
    said: Mapping[str, Any]

    @property
    def rows(self) -> list[tuple[str, object, object]]:
        """Field, the daemon's value, explain's value; for every line."""
        rows: list[tuple[str, object, object]] = []
        explained = self._explained_lines()
        for number, line in enumerate(self.outcome.lines):
            theirs = compared(line, self.trial.direction)
            ours = explained[number] if number < len(explained) else {}
            rows += [(name, theirs.get(name), ours.get(name)) for name in dict.fromkeys([*theirs, *ours])]
        rows.append(("reply", _without_queue_id(self.outcome.reply), _without_queue_id(self.said["reply"])))
        return rows

    @property
    def differences(self) -> list[tuple[str, object, object]]:
        """Nothing, where explain is right."""
        missing = [("lines", len(self.outcome.lines), len(self._explained_lines()))]
        return [row for row in missing + self.rows if row[1] != row[2]]

    def _explained_lines(self) -> list[dict[str, object]]:
        lines = [each["line"] for each in self.said["recipients"]]
        if lines and "recipient" not in lines[0]:  # refused at MAIL: one line, whoever it was for
            lines = lines[:1]
        by_recipient = {line.get("recipient"): line for line in lines}
        order = [line.get("recipient") for line in self.outcome.lines]
        return [compared(by_recipient[each], self.trial.direction) for each in order if each in by_recipient]


def compare(source: str, it: Gateway, trials: list[Trial]) -> Iterator[Comparison]:
    """The daemon first, for all of them; then explain."""
    for trial, outcome in zip(trials, it.decide(trials), strict=True):
        yield Comparison(source=source, trial=trial, outcome=outcome, said=it.explain(trial))


@contextmanager
def sources(folder: Path, keys: PreparedKeys) -> Iterator[Iterator[Comparison]]:
    """All comparisons, one source after the other."""
    with ExitStack() as stack:
        yield _all(folder, keys, stack)


def _all(folder: Path, keys: PreparedKeys, stack: ExitStack) -> Iterator[Comparison]:
    for name in ("shipped", "demo", "dialogues", "on-behalf"):
        (folder / name).mkdir()
    it = shipped.gateway(folder / "shipped", stack)
    yield from compare("case", it, shipped.trials(it))
    demonstrated = Demonstrated(folder / "demo", stack)
    for organisation in names.BOTH:
        trials = demonstrated.trials(organisation)
        yield from compare("demo", demonstrated.gateways[organisation.name], trials)
    world = dialogues.gateway(folder / "dialogues", keys)
    yield from compare("dialogue", world, dialogues.trials())
    yield from compare("on behalf", dialogues.gateway(folder / "on-behalf", keys), on_behalf.trials())


def _without_queue_id(reply: object) -> str:
    before, found, _ = str(reply).partition(_QUEUE_ID)
    return before + found
