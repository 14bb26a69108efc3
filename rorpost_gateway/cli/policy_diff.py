"""`rorpost policy diff`: what a change of policy means."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from rorpost_gateway.cli.change_text import change_text
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.plain_data import as_plain_data
from rorpost_gateway.cli.policy_place import load_places
from rorpost_gateway.config import load_config
from rorpost_gateway.policy.diff import compare


@click.command()
@config_option
@json_option
@click.argument("old")
@click.argument("new", required=False)
def diff(*, config_path: Path, as_json: bool, old: str, new: str | None) -> None:
    """What a change of policy means: who may newly write to whom, who no longer, under which rules.

    OLD and NEW are files, folders, or revisions that git knows (HEAD~1, main). NEW left out: the
    configured policy, as it is on disk.

    Ends with 0 whether or not anything differs; with 78 where one of the two is no valid policy.
    """
    config = load_config(config_path)
    names = (old, str(config.policies) if new is None else new)
    before, after = load_places(config, names)
    difference = compare(before, after, own_domains=config.domains)
    if as_json:
        counts = {"looser": difference.looser, "stricter": difference.stricter}
        click.echo(json.dumps(counts | as_plain_data(difference), ensure_ascii=False, indent=2))
        return
    today = after.day(datetime.now(tz=UTC))
    shown = (old, "the configured policy" if new is None else new)
    click.echo(change_text(difference, names=shown, old=before, new=after, today=today), nl=False)
