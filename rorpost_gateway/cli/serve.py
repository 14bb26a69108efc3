"""`rorpost serve`: the daemon in the foreground, as systemd and containers want it."""

import asyncio
import sys
from pathlib import Path

import click

from rorpost_gateway import operator_log
from rorpost_gateway.cli.options import config_option
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon.serve import serve as run_daemon


@click.command()
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "terminal"]),
    default="auto",
    show_default=True,
    help="How the operator's log on standard error looks; auto is JSON unless it is a terminal.",
)
def serve(*, config_path: Path, log_format: str) -> None:
    """Run the gateway until SIGTERM; SIGHUP reloads policy, keys, logins and certificate.

    Prints a line with `ready` on standard error once every listener is bound.
    """
    operator_log.configure(as_json=None if log_format == "auto" else log_format == "json")
    sys.exit(asyncio.run(run_daemon(load_config(config_path))))
