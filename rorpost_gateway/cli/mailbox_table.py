"""The table of the watched mailboxes.

Names come from the policy and faults from other servers: what could move a terminal's cursor is shown
as a question mark, and nothing is read as markup.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.tables import table_console

Entry = Mapping[str, Any]

_COLUMNS = (
    *("Mailbox", "Name", "Unread", "Oldest unread", "Deadline"),
    *("In inbox", "In sent", "Oldest", "Foreign", "Looked at"),
)
_RIGHT = {"Unread", "In inbox", "In sent", "Foreign"}
_OUTCOMES = {"met": "green", "missed": "bold red", "unknown": "yellow"}


def is_wrong(entry: Entry) -> bool:
    """Whether its last deadline was missed, or it could not be looked into when that was last tried."""
    return entry["outcome"] == "missed" or entry["fault"] is not None


def print_mailboxes(entries: Sequence[Entry], zone: tzinfo, console: Console | None = None) -> None:
    """One row a mailbox; a fault stands under the time of the last look that saw something.

    Times are those of `zone`, as the policy means its own.
    """
    console = console or table_console()
    if not entries:
        console.print("No mailbox is watched")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold")
    for entry in entries:
        table.add_row(*_cells(entry, zone))
    console.print(table)


def _cells(entry: Entry, zone: tzinfo) -> tuple[Text, ...]:
    return (
        _plain(entry["mailbox"]),
        _plain(entry["name"]),
        _count(entry["unread"], "yellow"),
        _plain(_local(entry["oldest_unread"], zone)),
        _deadline(entry, zone),
        _count(entry["in_inbox"]),
        _count(entry["in_sent"]),
        _plain(_local(_oldest(entry), zone)),
        _count(entry["foreign"], "bold red"),
        _looked_at(entry, zone),
    )


def _deadline(entry: Entry, zone: tzinfo) -> Text:
    if entry["outcome"] is None:
        return Text("")
    text = f"{_local(entry['deadline'], zone)} {entry['outcome']}"
    return Text(text, style=_OUTCOMES.get(entry["outcome"], ""))


def _looked_at(entry: Entry, zone: tzinfo) -> Text:
    text = _plain(_local(entry["looked_at"], zone) or "never")
    if entry["fault"] is not None:
        text.append("\n").append(_plain(entry["fault"])).stylize("bold red")
    return text


def _oldest(entry: Entry) -> str | None:
    dates = [date for date in (entry["oldest_in_inbox"], entry["oldest_in_sent"]) if date is not None]
    return min(dates, default=None)


def _count(number: int | None, style: str = "") -> Text:
    return Text("" if number is None else str(number), style=style if number else "")


def _plain(text: str) -> Text:
    return Text("".join(c if c.isprintable() else "?" for c in text))


def _local(time: str | None, zone: tzinfo) -> str:
    return "" if time is None else datetime.fromisoformat(time).astimezone(zone).strftime("%Y-%m-%d %H:%M")
