"""The month's figures as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.audit.entry_text import number, plain
from rorpost_gateway.cli.tables import table_console

Row = Sequence[object]

_DECISIONS = (("sent", "sent"), ("received", "received"), ("again", "duplicate"), ("refused", "refused"))


def print_report(data: Mapping[str, Any]) -> None:
    """`data` is what `--json` prints."""
    console = table_console()
    console.print(Text(f"{data['month']}, {data['timezone']}", style="bold"))
    console.print(Text(_coverage(data)))
    kinds = [words for words, _ in _DECISIONS]
    _print(console, "What was decided", ("", *kinds), [_tally(None, data["decisions"], none="in all")])
    _print(
        console,
        "Refused, by reason",
        ("reason", "outbound", "inbound"),
        [(plain(row["reason"]), row["outbound"], row["inbound"]) for row in data["refused"]],
    )
    for title, table, name, none in (
        ("By channel", "channels", "channel", "(no channel)"),
        ("By user", "users", "user", "(not known)"),
    ):
        rows = [_tally(row[name], row, none=none) for row in data[table]]
        _print(console, title, (name, *kinds), rows)
    _print(console, "What became of copies", ("", "times"), _counted(data["copies"]))
    _print(console, "Copies for Sent folders", ("", "times"), _counted(data["sent_copies"]))
    _print(
        console,
        "Reading deadlines",
        ("mailbox", "met", "missed", "unknown"),
        [(plain(row["mailbox"]), row["met"], row["missed"], row["unknown"]) for row in data["deadlines"]],
    )
    extracts = {f"extract: {verb}": count for verb, count in data["events"]["extracts"].items()}
    events = {name: count for name, count in data["events"].items() if name not in ("extracts", "extract")}
    events = {"login failed": data["login_failures"]} | events | extracts
    _print(console, "The gateway and its log", ("", "times"), _counted(events))


def _coverage(data: Mapping[str, Any]) -> str:
    entries = data["entries"]
    if not entries["count"] or data["log"] is None:
        return "The log has no entry of this month."
    numbers = f"{number(entries['first'])} to {number(entries['last'])}"
    text = f"{entries['count']} entries of this month, {numbers}."
    text += f" Messages accepted: {data['messages']}."
    text += " The log was verified first." if data["verified"] else " Not verified (--vkey KEY does)."
    if data["log"]["first_time"] > data["from"]:
        text += f" The log begins with entry {number(data['log']['first'])}, {data['log']['first_time']}."
    if data["log"]["last_time"] < data["until"]:
        text += f" It ends for now with {data['log']['last_time']}."
    if data["lines_passed_over"]:
        text += f" Lines passed over that are no entries: {data['lines_passed_over']} (rorpost audit verify)."
    return text


def _print(console: Console, title: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    console.print(Text(f"\n{title}" if rows else f"\n{title}: none", style="bold"))
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(columns[0], style="bold"), overflow="fold")
    for column in columns[1:]:
        table.add_column(Text(column, style="bold"), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def _tally(name: str | None, tally: Mapping[str, int], *, none: str = "") -> Row:
    return (none if name is None else plain(name), *(tally[kind] for _, kind in _DECISIONS))


def _counted(table: Mapping[str, int]) -> list[Row]:
    return [(plain(name), count) for name, count in table.items() if count]
