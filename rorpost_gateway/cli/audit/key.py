"""`rorpost audit new-key`: the log's signing key."""

from pathlib import Path

import click

from rorpost_gateway.cli.options import config_option


@click.command("new-key")
@config_option
def new_key(*, config_path: Path) -> None:
    """Make the log's signing key where there is none; print its verifier key."""
    from rorpost_gateway.config.load import load_config
    from rorpost_gateway.decision_log.signing import create

    settings = load_config(config_path).decision_log
    if settings.signing_key_file.exists():
        raise click.ClickException(f"{settings.signing_key_file} is there already")
    click.echo(create(settings.signing_key_file, settings.origin).vkey)
