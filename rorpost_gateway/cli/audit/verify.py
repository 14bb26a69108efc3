"""`rorpost audit verify`: the whole log, offline.

It needs no daemon, no private key and, with `--log`, no configuration.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from rorpost_gateway.audit.verify import Broken, Verified
from rorpost_gateway.cli.audit.source import find_source, source_options
from rorpost_gateway.cli.audit.verifying import verify_with_progress
from rorpost_gateway.cli.options import json_option


@click.command()
@source_options
@json_option
def verify(*, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool) -> None:
    """Check every line and the chain, offline; exit 1 at the first thing that does not hold."""
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    try:
        verified = verify_with_progress(source.folder, source.vkey)
    except Broken as broken:
        _say_broken(broken, as_json=as_json)
        sys.exit(1)
    _say_verified(verified, as_json=as_json)


def _say_broken(broken: Broken, *, as_json: bool) -> None:
    if as_json:
        names = ("file", "line", "entry", "check", "text")
        click.echo(json.dumps({"verified": False} | {name: getattr(broken, name) for name in names}))
    else:
        click.echo(f"does not hold: {broken}")


def _say_verified(verified: Verified, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"verified": True} | asdict(verified)))
        return
    click.echo(
        f"holds: {verified.entries} entries in {verified.files} files,"
        f" {verified.first_time} to {verified.last_time}, torn writes: {verified.torn}"
    )
    click.echo(f"head: {verified.head}")
    compared = "as expected" if verified.vkey_checked else "not compared, give --vkey"
    click.echo(f"verifier key: {verified.vkey} ({compared})")
    if verified.unfinished_octets:
        click.echo(
            f"after the last line: {verified.unfinished_octets} octets of a line that was not finished"
        )
    click.echo("not covered: whether whole lines were cut off after the last one")
