"""`rorpost audit follow`: new entries as they come, with the chain checked as they do."""

import time
from contextlib import closing
from pathlib import Path

import click

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.follow import Follower
from rorpost_gateway.cli.audit.entry_text import Printer
from rorpost_gateway.cli.audit.source import find_source, say_broken, source_options, verify_first
from rorpost_gateway.cli.options import json_option

POLL_SECONDS = 0.25
MOST_LINES = 1000


@click.command()
@click.option(
    "--lines",
    "last",
    metavar="NUMBER",
    type=click.IntRange(0, MOST_LINES),
    default=10,
    show_default=True,
    help="How many of the newest file's last lines to begin with.",
)
@source_options
@json_option
def follow(*, last: int, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool) -> None:
    """New entries as they come, until Ctrl-C; exit 1 at the first thing that does not hold.

    The chain is checked from the first line shown on, over midnight too; with --vkey
    all before it as well, first. With --json each is the log's own line.
    """
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    verify_first(source)
    printer = Printer(as_json=as_json)
    with closing(Follower(source.folder, last=last)) as follower:
        try:
            while True:
                for followed in follower.poll():
                    printer.print(followed.octets, followed.entry)
                printer.flush()
                time.sleep(POLL_SECONDS)
        except Broken as broken:
            printer.flush()
            say_broken(broken)
        except KeyboardInterrupt:
            printer.flush()
            if follower.pending is not None:
                say_broken(follower.pending)
