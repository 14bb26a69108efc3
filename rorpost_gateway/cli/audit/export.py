"""`rorpost audit export-tlog`: the log as a tlog-tiles folder."""

from pathlib import Path

import click

from rorpost_gateway.audit.checkpoints import Checkpoint
from rorpost_gateway.audit.export import FOLDER_MODE, plan, write
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.cli.audit.signers import require_signed
from rorpost_gateway.cli.audit.source import find_source, leave_line, say_broken, source_options, verify_first


@click.command("export-tlog")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@source_options
def export_tlog(*, target: Path, folder: Path | None, vkey: str | None, config_path: Path) -> None:
    """The log, up to its newest checkpoint, as a complete c2sp.org/tlog-tiles folder in DIR.

    DIR must not be there yet, or be empty. The tiles are made anew from the lines and
    compared with the checkpoint. On the live log an export leaves a line in it: who asked.
    """
    if target.exists() and any(target.iterdir()):
        raise click.BadParameter("is there already, and not empty", param_hint="DIR")
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    verify_first(source)
    try:
        export = plan(source.folder)
        require_signed(export.checkpoint, source)
        leave_line(source, verb="export", filters=[], entries=export.entries)
        target.mkdir(mode=FOLDER_MODE, exist_ok=True)
        write(export, target)
    except Broken as broken:
        say_broken(broken)
    _say(export.checkpoint, first=export.first)


def _say(checkpoint: Checkpoint, *, first: int) -> None:
    click.echo(f"{checkpoint.size} entries of {checkpoint.origin}")
    if first:
        click.echo(f"without the lines of the first {first}, which are purged; their hashes are there")
