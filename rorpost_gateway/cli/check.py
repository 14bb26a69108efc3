"""`rorpost check`: everything the daemon will need, looked at before it matters."""

import asyncio
import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon.check import Found, Weight
from rorpost_gateway.daemon.check import check as look_at
from rorpost_gateway.daemon.in_force import hold_to_cases
from rorpost_gateway.policy.model import Policy

_COLOURS = {Weight.ERROR: "bold red", Weight.WARNING: "yellow"}


@click.command()
@config_option
@json_option
@click.option("--offline", is_flag=True, help="Connect to no server: neither next hops nor IMAP accounts.")
def check(*, config_path: Path, as_json: bool, offline: bool) -> None:
    """Look at everything the daemon will need, and print each finding with its place.

    Ends with 0 where nothing is wrong (warnings aside), 1 where something is, 78 where
    the configuration or the policy is invalid.
    """
    config = load_config(config_path)
    policy = load_policy_of(config)
    hold_to_cases(config, policy)
    found = asyncio.run(look_at(config, policy, at=datetime.now(tz=UTC), with_next_hops=not offline))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], ensure_ascii=False, indent=2))
    else:
        _print(found, policy)
    sys.exit(1 if any(each.weight is Weight.ERROR for each in found) else 0)


def _print(found: list[Found], policy: Policy) -> None:
    console = Console()
    counts = ", ".join(f"{count} {what}" for what, count in policy.counts().items())
    console.print(Text(f"policy {policy.revision[:16]}…: {counts}"))
    if not found:
        console.print(Text("Nothing is wrong.", "bold green"))
        return
    for each in sorted(found, key=lambda each: each.weight):
        line = Text.assemble((each.weight, _COLOURS[each.weight]), f" {each.place}: {each.text}")
        console.print(line, soft_wrap=True)
