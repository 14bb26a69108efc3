"""`rorpost serve`: the daemon in the foreground, as systemd and containers want it."""

import sys
from pathlib import Path

import click

from rorpost_gateway import event_loop, operator_log
from rorpost_gateway.cli.options import config_option
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon.serve import serve as run_daemon
from rorpost_gateway.freed_memory import give_back_large_blocks


@click.command()
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "terminal"]),
    default="auto",
    show_default=True,
    help="How the operator's log on standard error looks; auto is JSON unless it is a terminal.",
)
@click.option(
    "--log-level",
    type=click.Choice(operator_log.LEVELS),
    default="info",
    show_default=True,
    help="The least that the operator's log tells; debug has a line for each connection.",
)
def serve(*, config_path: Path, log_format: str, log_level: str) -> None:
    """Run the gateway until SIGTERM; SIGHUP reloads policy, keys, logins and certificate.

    Prints a line with `ready` on standard error once every listener is bound.
    """
    as_json = None if log_format == "auto" else log_format == "json"
    operator_log.configure(as_json=as_json, level=log_level)
    give_back_large_blocks()
    sys.exit(event_loop.run(run_daemon(load_config(config_path))))
