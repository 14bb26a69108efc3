"""`rorpost policy replies`: every reply as the client hears it, for a person to read through."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.tables import table_console
from rorpost_gateway.config import load_config
from rorpost_gateway.decision import Reason
from rorpost_gateway.reply import NO_OWN_TEXTS, Language, reply_for

UNIT: Final = "Vårdcentralen Brinken"  # as an example
PHONE: Final = "010-103 00 00"


@click.command()
@config_option
@json_option
@click.option(
    "--language",
    type=click.Choice([each.value for each in Language]),
    help="Only this one; every language if left out.",
)
def replies(*, config_path: Path, as_json: bool, language: str | None) -> None:
    """Print what is answered for each reason, as it goes over the wire.

    Unit and number are an example: over the wire they stand only where the recipient is known by then.

    A site's own texts (`reply_texts`) stand in their places, marked.
    """
    config = load_config(config_path)
    wanted = [Language(language)] if language is not None else list(Language)
    rows = [_row(reason, each, config.reply_texts) for reason in Reason for each in wanted]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        table_console().print(_table(rows))


def _row(
    reason: Reason, language: Language, reply_texts: Mapping[Language, Mapping[Reason, str]]
) -> dict[str, Any]:
    own_texts = reply_texts.get(language, NO_OWN_TEXTS)
    reply = reply_for(
        reason, language, queue_id="06H02CKHKZQVC25D", unit=UNIT, phone=PHONE, own_texts=own_texts
    )
    return {
        "reason": reason,
        "language": language,
        "code": reply.code,
        "enhanced": reply.enhanced,
        "line": reply.line,
        "octets": len(reply.line),
        "own": reason in own_texts,
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="What the client hears", title_justify="left")
    table.add_column("reason", no_wrap=True)
    table.add_column("")
    table.add_column("reply", overflow="fold")
    table.add_column("octets", justify="right")
    before = None
    for row in rows:
        if before is not None and row["reason"] != before:
            table.add_section()
        shown = Text(row["reason"] if row["reason"] != before else "")
        line = Text(row["line"], "bold" if row["own"] else "")
        table.add_row(shown, Text(row["language"]), line, Text(str(row["octets"])))
        before = row["reason"]
    if any(row["own"] for row in rows):
        table.caption = "bold: this site's own words"
    return table
