"""`rorpost audit verify`: the whole log, offline.

It needs no daemon, no private key and, with `--log`, no configuration.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click
from rich.table import Table
from rich.text import Text

from rorpost_gateway.audit.notes import NOTE_OCTETS
from rorpost_gateway.audit.verify import Broken, Verified
from rorpost_gateway.cli.audit.entry_text import plain
from rorpost_gateway.cli.audit.source import find_source, source_options
from rorpost_gateway.cli.audit.verifying import verify_with_progress
from rorpost_gateway.cli.options import json_option
from rorpost_gateway.cli.tables import table_console


@click.command()
@click.option(
    "--since",
    "kept",
    metavar="CHECKPOINT",
    type=click.File("rb"),
    help="A file with a checkpoint that you kept: the log must be what has become of it, and entries that"
    " it covers are not read again.",
)
@source_options
@json_option
def verify(
    *, kept: BinaryIO | None, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool
) -> None:
    """Check all of it, offline: every line, the chain, the tree, every checkpoint and its signature.

    Exit 1 at the first thing that does not hold, with its file, line and entry number.
    """
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    since = None if kept is None else kept.read(NOTE_OCTETS + 1)
    try:
        verified = verify_with_progress(source.folder, source.vkey, since=since)
    except Broken as broken:
        _say_broken(broken, as_json=as_json)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"verified": True} | asdict(verified)))
    else:
        _print(verified, since=since is not None)


def _say_broken(broken: Broken, *, as_json: bool) -> None:
    if as_json:
        names = ("file", "line", "entry", "check", "text")
        click.echo(json.dumps({"verified": False} | {name: getattr(broken, name) for name in names}))
    else:
        click.echo(f"does not hold: {broken}")


def _print(verified: Verified, *, since: bool) -> None:
    console = table_console()
    console.print(
        Text(
            f"holds: {verified.entries} entries in {verified.files} files,"
            f" {verified.first_time} to {verified.last_time}",
            style="bold green",
        )
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(verified, since=since):
        table.add_row(Text(name), Text(value))
    console.print(table)


def _rows(verified: Verified, *, since: bool) -> Iterator[tuple[str, str]]:
    """What holds, what was seen on the way, and what nobody can see from the folder alone."""
    yield "chain", f"each entry names the one before; torn writes: {verified.torn}"
    yield "head", verified.head
    if verified.checkpoints:
        yield "tree", f"every hash tile, over {verified.covered} entries"
        yield "checkpoints", f"{verified.checkpoints}, each signed; changes of the key: {verified.rotations}"
    else:
        yield "checkpoints", "none, so that nothing is signed: made by an early version, or taken away"
    compared = "as expected" if verified.vkey_checked else "not compared, give --vkey"
    yield "verifier key", f"{verified.vkey} ({compared})"
    if verified.keys_purged:
        yield "keys", f"{verified.keys_purged} checkpoints are by keys that only purged entries told of"
    for purge in verified.purges:
        entries = f"entries {purge.first} to {purge.last}, {purge.files} files"
        yield "purged", f"{entries}, by decision {plain(purge.decision)}"
    if verified.restart_decision is not None:
        yield "restarted", f"in place of an earlier log, by decision {plain(verified.restart_decision)}"
    if verified.skipped:
        yield "not read", f"{verified.skipped} entries that the kept checkpoint vouches for"
    if verified.uncovered:
        place = "" if verified.uncovered_at is None else f", from {verified.uncovered_at} on"
        yield "not signed yet", f"{verified.uncovered} entries{place}"
    if verified.unfinished_octets:
        unfinished = f"{verified.unfinished_octets} octets of a line that was not finished"
        yield "at the end", unfinished
    if not since:
        yield "not covered", "whether all after an earlier checkpoint was cut off; a kept one tells (--since)"
