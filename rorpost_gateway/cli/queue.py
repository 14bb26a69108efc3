"""`rorpost queue`: the queue, as Postfix's users know it. Asks the running daemon."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.queue_table import print_entries, print_list
from rorpost_gateway.config.load import load_config
from rorpost_gateway.control.client import CallRefused, call

_ID_HELP = "ID is QUEUE_ID or QUEUE_ID/recipient"


@click.group()
def queue() -> None:
    """The queue: sealed copies that no next hop has taken yet."""


@queue.command(name="list")
@config_option
@json_option
def list_(config_path: Path, *, as_json: bool) -> None:
    """Every copy in the queue, oldest message first."""
    entries = _ask(config_path, "queue.list")
    if as_json:
        _print_json(entries)
        return
    print_list(entries)


@queue.command(epilog=_ID_HELP)
@click.argument("identity", metavar="ID")
@config_option
@json_option
def show(identity: str, config_path: Path, *, as_json: bool) -> None:
    """What is known of a message and its copies. Never their content."""
    entries = _ask(config_path, "queue.show", id=identity)
    if as_json:
        _print_json(entries)
        return
    print_entries(entries)


@queue.command(epilog=f"{_ID_HELP}, or ALL.")
@click.argument("identity", metavar="ID")
@config_option
def hold(identity: str, config_path: Path) -> None:
    """Keep copies in the queue, unsent, until they are released."""
    _change(config_path, "queue.hold", identity, "put on hold")


@queue.command(epilog=f"{_ID_HELP}, or ALL.")
@click.argument("identity", metavar="ID")
@config_option
def release(identity: str, config_path: Path) -> None:
    """Let go what is on hold; it is judged again and sent at once."""
    _change(config_path, "queue.release", identity, "released")


@queue.command(epilog=f"{_ID_HELP}, or ALL.")
@click.argument("identity", metavar="ID")
@config_option
def retry(identity: str, config_path: Path) -> None:
    """Try now what waits for its next attempt."""
    _change(config_path, "queue.retry", identity, "due now")


@queue.command(epilog=_ID_HELP)
@click.argument("identity", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def remove(identity: str, config_path: Path, *, yes: bool) -> None:
    """Throw copies away for good. Nobody is told; the decision log has a line with your name."""
    asks = not yes and sys.stdin.isatty()
    if asks and not click.confirm(f"Remove {identity} for good?"):
        raise click.exceptions.Exit(1)
    _change(config_path, "queue.remove", identity, "removed")


def _ask(config_path: Path, verb: str, **arguments: str) -> Any:  # noqa: ANN401
    """What the daemon answers; a request that it cannot understand is a wrong usage."""
    try:
        return call(load_config(config_path).control_socket, verb, arguments)
    except CallRefused as error:
        if error.kind == "argument-invalid":
            raise click.UsageError(error.public) from error
        raise


def _change(config_path: Path, verb: str, identity: str, what: str) -> None:
    """Have it done and say how much was; exit 1 where a named message was left as it is."""
    result = _ask(config_path, verb, id=identity)
    changed, of = result["changed"], result["of"]
    click.echo(f"{changed} of {of} {'copy' if of == 1 else 'copies'} {what}")
    if not changed and identity.upper() != "ALL":
        raise click.exceptions.Exit(1)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))
