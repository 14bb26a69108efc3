"""`rorpost policy test`: the policy's own questions, and what no question touches."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from rorpost_gateway.cli.findings import near_place
from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.tables import table_console
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon.way_in import max_age
from rorpost_gateway.document.findings import printable
from rorpost_gateway.policy.cases import CaseResult, load_cases, run_cases
from rorpost_gateway.policy.coverage import Coverage, Element, Part, coverage_of
from rorpost_gateway.policy.required_cases import cases_folder

_PLURALS = {
    Part.CHANNEL: "channels",
    Part.PAIR: "pairs (who to whom)",
    Part.USER: "users",
    Part.RULE: "rules",
}


@click.command(name="test")
@config_option
@json_option
@click.option("--coverage", "with_coverage", is_flag=True, help="Show as well what no case touches.")
@click.option(
    "--full-coverage", "full", is_flag=True, help="The same; end with 1 if there is any such thing."
)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, exists=True))
def test_(
    *, config_path: Path, as_json: bool, with_coverage: bool, full: bool, files: tuple[Path, ...]
) -> None:
    """Ask the policy its own questions: those in FILE, or all of POLICIES/tests.

    Ends with 1 if the policy says anything else than what is wanted, or if there is no question.

    A channel, a pair or a user is touched where a case is decided by that line; a rule, where a case
    would be answered otherwise if the rule were another.
    """
    config, now = load_config(config_path), datetime.now(tz=UTC)
    policy = load_policy_of(config)
    cases = load_cases(files or (cases_folder(config.policies),), policy)
    results = run_cases(policy, cases, own_domains=config.domains, now=now, max_age=max_age(config))
    coverage = None
    if with_coverage or full:
        coverage = coverage_of(policy, cases, own_domains=config.domains, now=now, max_age=max_age(config))
    if as_json:
        click.echo(json.dumps(_as_data(results, coverage), ensure_ascii=False, indent=2))
    else:
        _print(results)
        _print_coverage(coverage)
    fine = bool(results) and all(each.passed for each in results)
    sys.exit(0 if fine and not (full and coverage and coverage.untouched) else 1)


def _as_data(results: Sequence[CaseResult], coverage: Coverage | None) -> object:
    cases = [_result_as_data(each) for each in results]
    if coverage is None:
        return cases
    return {
        "cases": cases,
        "coverage": {
            "complete": coverage.complete,
            "counts": {
                part: {"touched": touched, "all": total}
                for part, (touched, total) in coverage.counts().items()
            },
            "untouched": [_element_as_data(each) for each in coverage.untouched],
        },
    }


def _result_as_data(result: CaseResult) -> dict[str, Any]:
    verdict = result.verdict
    return {
        "name": result.case.name,
        "place": str(result.case.position),
        "want": result.case.want,
        "got": result.got,
        "passed": result.passed,
        "rule": verdict.rule if verdict else None,
        "position": str(verdict.position) if verdict and verdict.position else None,
        "fault": result.fault or None,
    }


def _element_as_data(element: Element) -> dict[str, Any]:
    return {
        "part": element.part,
        "name": element.name,
        "position": str(element.position) if element.position else None,
    }


def _print(results: Sequence[CaseResult]) -> None:
    """Only what failed, and a count. The first line of each is `file:line:column: name`, never folded."""
    console = table_console()
    failed = [each for each in results if not each.passed]
    if failed:
        console.print(Text("What the policy does not say as wanted:\n", "italic"))
    for each in failed:
        console.print(_failed(each), soft_wrap=True)
    count = Text(f"{len(results) - len(failed)} of {len(results)} cases are as wanted.")
    count.stylize("bold red" if failed or not results else "bold green")
    console.print(count)


def _failed(result: CaseResult) -> Text:
    """The case, what it says, and the rule and line behind that, or what could not be read."""
    verdict = result.verdict
    where = near_place(verdict.position) if verdict and verdict.position else ""
    cause = ", ".join(filter(None, (verdict.rule if verdict else "", where, result.fault)))
    return Text.assemble(
        (f"{near_place(result.case.position)}: ", "bold"),
        (printable(result.case.name), "bold red"),
        f"\n    wanted {result.case.want}, said {result.got}\n    because of {printable(cause)}\n",
    )


def _print_coverage(coverage: Coverage | None) -> None:
    if coverage is None:
        return
    console = table_console()
    if coverage.untouched:
        console.print(Text("\nWhat no case touches:\n", "italic"))
    for each in coverage.untouched:
        where = near_place(each.position) if each.position else "built in, nothing is written"
        line = Text.assemble((f"{where}: ", "bold"), f"{each.part} {printable(each.name)}")
        console.print(line, soft_wrap=True)
    if coverage.untouched:
        console.print()
    for part, (touched, total) in coverage.counts().items():
        line = Text(f"{touched} of {total} {_PLURALS[part]} are touched by a case.")
        line.stylize("green" if touched == total else "yellow")
        console.print(line)
