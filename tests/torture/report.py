"""What came of it: a line for each life, one table at the end, and the list of what does not balance."""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.torture.books import is_notice
from tests.torture.ledger import Run, Way
from tests.torture.runner import Torture


def figures(torture: Torture, *, seed: int, seconds: float, unreached: list[str]) -> dict[str, Any]:
    """The whole outcome as plain data, for `--json` and for the table."""
    ledger, evidence = torture.world.ledger, torture.evidence
    in_mailboxes = evidence.delivered if evidence is not None else ()
    delivered = [each for each in in_mailboxes if not is_notice(each.octets)]
    kinds = Counter(finding.kind for finding in torture.findings)
    by_point = Counter(run.by for run in ledger.runs if run.killed and run.by != "at random" and run.reached)
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "lives of the daemon": len(ledger.runs),
        "kills at random": sum(run.by == "at random" for run in ledger.runs),
        "kills at a point": sum(by_point.values()),
        "stopped and continued": torture.stopped_and_continued,
        "holds, releases, removals by operators": sum(torture.meddler.operators.values()),
        "submissions": sum(reply.message.way is Way.OUT for reply in ledger.replies),
        "brought by the partner": sum(reply.message.way is Way.IN for reply in ledger.replies),
        "250": sum(reply.accepted for reply in ledger.replies),
        "of them duplicate": sum(reply.accepted and reply.reason == "duplicate" for reply in ledger.replies),
        "refused": sum(reply.refused for reply in ledger.replies),
        "unheard": sum(reply.code is None for reply in ledger.replies),
        "relayed": len(ledger.arrivals),
        "delivered": len(delivered),
        "notices to senders": len(in_mailboxes) - len(delivered),
        "seals opened with gpg": ledger.opened,
        "lines": torture.lines,
        "torn lines": torture.torn,
        "losses": kinds["lost"] + kinds["accepted, and nowhere"],
        "duplicates, explained by a kill": torture.explained,
        "duplicates, unexplained": kinds["sent twice"] + kinds["delivered twice"] + kinds["taken twice"],
        "does not balance": len(torture.findings),
        "points": dict(sorted(by_point.items())),
        "points never reached": unreached,
        "findings": [str(finding) for finding in torture.findings],
    }


def print_life(console: Console, torture: Torture, run: Run) -> None:
    ledger = torture.world.ledger
    how = run.by if run.reached else f"{run.by} [yellow](not reached)[/]"
    said = f"{len(ledger.replies)} replies, {len(ledger.arrivals)} relayed, {len(run.left)} in the queue"
    fault = f" [red]{len(torture.findings)} do not balance[/]" if torture.findings else ""
    console.print(f"  life {run.number:4}  killed {how:34} {said}{fault}", highlight=False)


def print_outcome(console: Console, outcome: dict[str, Any]) -> None:
    points = Table(title="Kills by point", title_justify="left")
    points.add_column("point")
    points.add_column("kills", justify="right")
    for name, count in outcome["points"].items():
        points.add_row(name, str(count))
    for name in outcome["points never reached"]:
        points.add_row(f"[red]{name}[/]", "0")
    table = Table(title=f"Torture, seed {outcome['seed']}", title_justify="left", show_header=False)
    for name, value in outcome.items():
        if name not in ("seed", "points", "points never reached", "findings"):
            table.add_row(name, str(value))
    console.print(points, table)
    for finding in outcome["findings"]:
        console.print(f"[red]does not balance[/] {finding}", highlight=False)
