"""`rorpost audit`: what an auditor asks of the decision log, and its signing key.

`verify` needs no daemon, no private key and, with `--log`, no configuration.
"""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.decision_log.verify import Broken, Verified, verify_log

_VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*")


@click.group()
def audit() -> None:
    """The decision log: is it whole, and whose is it."""


@audit.command()
@click.option(
    "--log",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The log's folder, or a copy of it. Default: as configured.",
)
@click.option("--vkey", "vkey", metavar="KEY", help="The verifier key (name+hash+base64), or a file with it.")
@config_option
@json_option
def verify(*, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool) -> None:
    """Check every line and the chain, offline; exit 1 at the first thing that does not hold."""
    expected = None if vkey is None else _vkey(vkey)
    if folder is None:
        folder, configured = _configured(config_path)
        expected = expected or configured
    try:
        verified = _verify(folder, expected)
    except Broken as broken:
        _say_broken(broken, as_json=as_json)
        sys.exit(1)
    _say_verified(verified, as_json=as_json)


@audit.command("new-key")
@config_option
def new_key(*, config_path: Path) -> None:
    """Make the log's signing key where there is none; print its verifier key."""
    from rorpost_gateway.config.load import load_config
    from rorpost_gateway.decision_log.signing import create

    settings = load_config(config_path).decision_log
    if settings.signing_key_file.exists():
        raise click.ClickException(f"{settings.signing_key_file} is there already")
    click.echo(create(settings.signing_key_file, settings.origin).vkey)


def _configured(config_path: Path) -> tuple[Path, str | None]:
    """The log's folder, and the verifier key beside the signing key where there is one."""
    from rorpost_gateway.config.load import load_config
    from rorpost_gateway.decision_log.folder import VKEY_NAME

    settings = load_config(config_path).decision_log
    beside = settings.signing_key_file.with_name(VKEY_NAME)
    return settings.dir, _vkey(str(beside)) if beside.is_file() else None


def _vkey(text: str) -> str:
    """The key itself, or the one line of the file of that name."""
    if not _VKEY.fullmatch(text):
        try:
            with Path(text).open("rb") as file:
                text = file.read(4096).decode("ascii").strip()
        except (OSError, ValueError):
            text = ""
    if not _VKEY.fullmatch(text):
        raise click.BadParameter("neither a verifier key nor a file with one", param_hint="--vkey")
    return text


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
