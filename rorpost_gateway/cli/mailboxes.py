"""`rorpost mailboxes`: the watched mailboxes, as the running daemon saw them last."""

import json
import sys
from pathlib import Path

import click

from rorpost_gateway.cli.mailbox_table import is_wrong, print_mailboxes
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config.load import load_config
from rorpost_gateway.control.client import call


@click.command()
@config_option
@json_option
def mailboxes(config_path: Path, *, as_json: bool) -> None:
    """The watched mailboxes: unread, oldest, read by the deadline or not, left in inbox and sent.

    Exit 1 where the last deadline of one was missed, or one could not be looked into.
    Times in the table are those of the configuration's `timezone`.
    """
    config = load_config(config_path)
    entries = call(config.control_socket, "mailboxes", {})
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    else:
        print_mailboxes(entries, config.timezone)
    sys.exit(1 if any(map(is_wrong, entries)) else 0)
