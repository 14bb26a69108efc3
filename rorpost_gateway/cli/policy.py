"""`rorpost policy`: questions to the policy, answered by the daemon's own code."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.explain import explain
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config import Config, load_config
from rorpost_gateway.policy.cases import CaseResult, load_cases, run_cases
from rorpost_gateway.policy.load import load_policy


@click.group()
def policy() -> None:
    """Ask the policy."""


policy.add_command(explain)


@policy.command(name="test")
@config_option
@json_option
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, exists=True))
def test_(*, config_path: Path, as_json: bool, files: tuple[Path, ...]) -> None:
    """Ask the policy its own questions: those in FILE, or all of POLICIES/tests.

    Ends with 1 if the policy says anything else than what is wanted, or if there is no question.
    """
    config = load_config(config_path)
    in_force = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    cases = load_cases(files or (_own_cases(config),), in_force)
    results = run_cases(in_force, cases, own_domains=config.domains, now=datetime.now(tz=UTC))
    if as_json:
        click.echo(json.dumps([_as_data(each) for each in results], ensure_ascii=False, indent=2))
    else:
        _print(results)
    sys.exit(0 if results and all(each.passed for each in results) else 1)


def _own_cases(config: Config) -> Path:
    folder = config.policies if config.policies.is_dir() else config.policies.parent
    return folder / "tests"


def _as_data(result: CaseResult) -> dict[str, Any]:
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


def _print(results: Sequence[CaseResult]) -> None:
    """Only what failed, and a count."""
    console = Console()
    failed = [each for each in results if not each.passed]
    if failed:
        table = Table(title="What the policy does not say as wanted", title_justify="left")
        for column in ("case", "wanted", "said", "because of"):
            table.add_column(column, overflow="fold")
        for each in failed:
            said = _as_data(each)
            case = f"{said['name']}\n{said['place']}"
            cause = "\n".join(filter(None, (said["rule"], said["position"], said["fault"])))
            table.add_row(*(Text(value) for value in (case, said["want"], said["got"], cause)))
        console.print(table)
    count = Text(f"{len(results) - len(failed)} of {len(results)} cases are as wanted.")
    count.stylize("bold red" if failed or not results else "bold green")
    console.print(count)
