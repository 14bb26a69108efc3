"""`rorpost audit verify`: the whole log, offline.

It needs no daemon, no private key and, with `--log`, no configuration.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rorpost_gateway.audit.verify import Broken, Verified, verify_log
from rorpost_gateway.cli.audit.source import configured, log_option, read_vkey, vkey_option
from rorpost_gateway.cli.options import config_option, json_option


@click.command()
@log_option
@vkey_option
@config_option
@json_option
def verify(*, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool) -> None:
    """Check every line and the chain, offline; exit 1 at the first thing that does not hold."""
    expected = None if vkey is None else read_vkey(vkey)
    if folder is None:
        folder, known = configured(config_path)
        expected = expected or known
    try:
        verified = _verify(folder, expected)
    except Broken as broken:
        _say_broken(broken, as_json=as_json)
        sys.exit(1)
    _say_verified(verified, as_json=as_json)


def _verify(folder: Path, vkey: str | None) -> Verified:
    console = Console(stderr=True)
    if not console.is_terminal:
        return verify_log(folder, vkey=vkey)
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("verify", total=None)
        return verify_log(
            folder, vkey=vkey, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


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
