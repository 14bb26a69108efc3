"""`rorpost audit new-key`, `purge` and `restart`: what changes the log, and leaves its trace in it.

The running daemon does it, by its control socket; where none runs, the command
takes the log's lock and does it itself, as the user whom the log belongs to.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.base import ArgumentInvalid
from rorpost_gateway.control.client import CallRefused, NoDaemon, call
from rorpost_gateway.daemon.log_offline import Offline, create_key

_DECISION_HELP = "The reference of the formal decision, as it shall stand in the log."
_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command("new-key")
@_yes_option
@config_option
def new_key(*, yes: bool, config_path: Path) -> None:
    """Make the log's signing key, or put a new one in force and destroy the old; print its verifier key.

    The next checkpoint is signed by both keys, so that whoever trusts the old one can
    follow. Auditors are to be given the new verifier key all the same.
    """
    config = load_config(config_path)
    if not config.decision_log.signing_key_file.exists():
        click.echo(create_key(config))
        return
    _ask(yes, "Put a new signing key in force, and destroy the old one?")
    done = _do(config, "log-new-key", {})
    click.echo(done["vkey"])
    click.echo(f"until now: {done['previous']}", err=True)


@click.command()
@click.option(
    "--before",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Days before this one (UTC) are removed.",
)
@click.option("--decision", required=True, metavar="REFERENCE", help=_DECISION_HELP)
@_yes_option
@config_option
@json_option
def purge(*, before: datetime, decision: str, yes: bool, config_path: Path, as_json: bool) -> None:
    """Remove whole day files of the log, by a formal decision. Never the newest; nothing ever goes by itself.

    A line for each file, with its hash and REFERENCE, stands in the log before it is
    removed. The hashes of its lines stay, so that the rest still verifies.
    """
    config = load_config(config_path)
    day = before.date().isoformat()
    _ask(yes, f"Remove the log's files of the days before {day} for good?")
    done = _do(config, "log-purge", {"before": day, "decision": decision})
    if as_json:
        click.echo(json.dumps(done))
        return
    for name in done["files"]:
        click.echo(name)
    click.echo(f"{len(done['files'])} files with {done['entries']} entries removed", err=True)


@click.command()
@click.option("--decision", required=True, metavar="REFERENCE", help=_DECISION_HELP)
@_yes_option
@config_option
def restart(*, decision: str, yes: bool, config_path: Path) -> None:
    """Begin a new log where the old one does not hold and the daemon refuses to start.

    The old folder is renamed and kept. The new log has a name and a key of its own, and
    its first entry names the old log, how far it can be read, and REFERENCE.
    """
    config = load_config(config_path)
    _ask(yes, "Close the decision log for good, keep it aside, and begin a new one?")
    try:
        done = asyncio.run(Offline(config).restart(decision))
    except ArgumentInvalid as error:
        raise click.UsageError(error.public) from error
    click.echo(done.vkey)
    click.echo(f"the old log: {done.kept}", err=True)


def _do(config: Config, verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have the daemon do it or, where none runs, do it."""
    try:
        try:
            return dict(call(config.control_socket, verb, arguments))
        except NoDaemon:
            return asyncio.run(Offline(config).do(verb, arguments))
    except ArgumentInvalid as error:
        raise click.UsageError(error.public) from error
    except CallRefused as error:
        if error.kind == "argument-invalid":
            raise click.UsageError(error.public) from error
        raise


def _ask(yes: bool, question: str) -> None:  # noqa: FBT001
    if not yes and sys.stdin.isatty() and not click.confirm(question):
        raise click.exceptions.Exit(1)
