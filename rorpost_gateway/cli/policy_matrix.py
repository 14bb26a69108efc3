"""`rorpost policy matrix`: who may write to whom, as a table, CSV, HTML or JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.csv_text import csv_text
from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.cli.matrix_html import Page, matrix_html
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.plain_data import as_plain_data
from rorpost_gateway.cli.tables import shown, table_console
from rorpost_gateway.config import load_config
from rorpost_gateway.policy.matrix import Row, Validity, folded, matrix

_FOLDED_ROWS = 500  # a table that folds its cells takes seconds for thousands of rows
_HEADER = ("from", "", "to", "channel", "valid", "rules")
_NARROW_HEADER = ("from, and to", "channel and rules", "valid")
_ANY_WIDTH = 10_000
_CSV_HEADER = (
    *("from", "from_name", "to", "to_name", "channel"),
    *("both_ways", "valid_from", "valid_until", "validity", "rules"),
)


@click.command(name="matrix")
@config_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a row for each direction.")
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page to be read or printed.",
)
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="As of this day; else today.")
@click.option("--all", "every", is_flag=True, help="Also what is over, and what is to come.")
@click.option("--mailbox", "mailboxes", multiple=True, metavar="M", help="Only pairs with this mailbox.")
def matrix_(
    *,
    config_path: Path,
    as_json: bool,
    as_csv: bool,
    html_path: Path | None,
    at: datetime | None,
    every: bool,
    mailboxes: tuple[str, ...],
) -> None:
    """Who may write to whom, pair by pair: what does not stand here is refused.

    In the table and the page one row (↔) stands for both directions of a channel.
    """
    if as_json + as_csv + (html_path is not None) > 1:
        raise click.UsageError("choose one of --json, --csv and --html")
    config = load_config(config_path)
    policy = load_policy_of(config)
    unknown = [address for address in mailboxes if policy.mailbox(address) is None]
    if unknown:
        raise click.UsageError(f"{unknown[0]!r} is no mailbox of the policy")
    day = at.date() if at else policy.day(datetime.now(tz=UTC))
    wanted = frozenset(address.lower() for address in mailboxes)
    rows = matrix(policy, day, mailboxes=wanted, every=every)
    if as_json:
        click.echo(json.dumps(as_plain_data(rows), ensure_ascii=False, indent=2))
    elif as_csv:
        click.echo(csv_text(_CSV_HEADER, map(_csv_row, rows)), nl=False)
    elif html_path is not None:
        page = Page(rows=rows, day=day, revision=policy.revision, language=config.language)
        html_path.write_text(matrix_html(page), encoding="utf-8")
    else:
        _print(rows, day)


def _csv_row(row: Row) -> tuple[str, ...]:
    return (
        *(row.sender, row.sender_name, row.recipient, row.recipient_name, row.channel),
        "yes" if row.both_ways else "no",
        row.valid_from.isoformat() if row.valid_from else "",
        row.valid_until.isoformat() if row.valid_until else "",
        row.validity.value,
        "; ".join(f"{key}: {value}" for key, value in row.rules),
    )


def _print(pairs: Sequence[Row], day: date) -> None:
    console, rows = table_console(), folded(pairs)
    if console.is_terminal and len(rows) <= _FOLDED_ROWS:
        console.print(_table(rows, console))
    else:
        console.print(_lines(rows), soft_wrap=True)
    allowed = sum(row.validity is Validity.IN_FORCE for row in pairs)
    console.print(f"{allowed} directed pairs may write on {day}.")


def _table(rows: Sequence[Row], console: Console) -> Table:
    """In columns where there is room for them, else the two mailboxes of a row below each other."""
    wide = Table(*_HEADER, box=None, pad_edge=False, header_style="bold")
    narrow = Table(box=None, pad_edge=False, header_style="bold")
    longest = max((2 + 2 + cell_len(row.recipient) for row in rows), default=0)
    narrow.add_column(_NARROW_HEADER[0], overflow="fold", min_width=min(longest, console.width // 2 + 5))
    for title in _NARROW_HEADER[1:]:
        narrow.add_column(title, overflow="fold")
    for row in rows:
        style = "" if row.validity is Validity.IN_FORCE else "dim"
        sender, way, recipient, channel, valid, rules = cells = _cells(row)
        wide.add_row(*map(Text, cells), style=style)
        folded_cells = (
            f"{sender}\n  {way} {recipient}",
            f"{channel}\n{rules}".rstrip(),
            valid.replace("– ", "–\n"),
        )
        narrow.add_row(*map(Text, folded_cells), style=style)
    needed = Measurement.get(console, console.options.update(width=_ANY_WIDTH), wide).maximum
    return wide if needed <= console.width else narrow


def _lines(rows: Sequence[Row]) -> Text:
    """Columns as wide as what stands in them, in no time also where there are thousands of rows."""
    cells = [_cells(row) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(_HEADER, *cells, strict=True)]
    lines = [Text(_line(_HEADER, widths), style="bold")]
    for row, one in zip(rows, cells, strict=True):
        lines.append(Text(_line(one, widths), style="" if row.validity is Validity.IN_FORCE else "dim"))
    return Text("\n").join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    first, last = row.valid_from or "", row.valid_until or ""
    valid = f"{first} – {last}" if first or last else "always"
    valid += "" if row.validity is Validity.IN_FORCE else f" ({row.validity})"
    rules = "; ".join(f"{key}: {value}" for key, value in row.rules)
    return row.sender, "↔" if row.both_ways else "→", row.recipient, shown(row.channel), valid, rules


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(set_cell_size, cells, widths)).rstrip()
