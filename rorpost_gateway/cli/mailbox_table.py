"""The table of the watched mailboxes: wide where the terminal is, else two lines a mailbox.

Names come from the policy and faults from other servers: what could move a terminal's cursor is shown
as a question mark, and nothing is read as markup.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.tables import shown, table_console

Entry = Mapping[str, Any]

_COLUMNS = (
    *("Mailbox", "Name", "Unread", "Oldest unread", "Deadline"),
    *("In inbox", "In sent", "Oldest", "Foreign", "Looked at"),
)
_RIGHT = {"Unread", "In inbox", "In sent", "Foreign"}
_LOOKED_AT_COLUMNS = 95  # a narrower terminal has no room for when each was looked into
_DATE_AND_TIME, _DAY_AND_TIME, _DATE = "%Y-%m-%d %H:%M", "%m-%d %H:%M", "%Y-%m-%d"
_OUTCOMES = {"met": "green", "missed": "bold red", "unknown": "yellow"}


def is_wrong(entry: Entry) -> bool:
    """Whether its last deadline was missed, or it could not be looked into when that was last tried."""
    return entry["outcome"] == "missed" or entry["fault"] is not None


def print_mailboxes(entries: Sequence[Entry], zone: tzinfo, console: Console | None = None) -> None:
    """One row a mailbox; a fault stands under the time of the last look that saw something, or the name.

    Times are those of `zone`, as the policy means its own.
    """
    console = console or table_console()
    if not entries:
        console.print("No mailbox is watched")
        return
    if _columns_wanted(entries, zone, console) > console.width:
        console.print(_narrow(entries, zone, looked_at=console.width >= _LOOKED_AT_COLUMNS))
    else:
        console.print(_wide(entries, zone))


def _columns_wanted(entries: Sequence[Entry], zone: tzinfo, console: Console) -> int:
    """Of the wide table; faults are folded, however long they are."""
    table = _wide([{**entry, "fault": None} for entry in entries], zone)
    return Measurement.get(console, console.options.update(width=10_000), table).maximum


def _wide(entries: Sequence[Entry], zone: tzinfo) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold")
    for entry in entries:
        table.add_row(*_cells(entry, zone))
    return table


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


def _narrow(entries: Sequence[Entry], zone: tzinfo, *, looked_at: bool) -> Table:
    """Figures above, what they date from below. Without foreign messages there is no column for them."""
    foreign = any(entry["foreign"] for entry in entries)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Mailbox", overflow="fold")
    for name in ("Unread", "Deadline", "Left", *(["Foreign"] if foreign else [])):
        table.add_column(name, no_wrap=True, justify="right" if name == "Foreign" else "left")
    if looked_at:
        table.add_column("Looked at", no_wrap=True)
    for entry in entries:
        cells = [_who(entry), _unread(entry, zone), _short_deadline(entry, zone), _left(entry)]
        cells += [_count(entry["foreign"], "bold red")] if foreign else []
        cells += [_plain(_short(entry, "looked_at", zone) or "never")] if looked_at else []
        table.add_row(*cells)
    return table


def _who(entry: Entry) -> Text:
    text = _plain(entry["mailbox"])
    if entry["name"] != entry["mailbox"]:
        text.append("\n").append(_plain(entry["name"]))
    if entry["fault"] is not None:
        fault = _plain(entry["fault"])
        fault.stylize("bold red")
        text.append("\n").append(fault)
    return text


def _unread(entry: Entry, zone: tzinfo) -> Text:
    since = _short(entry, "oldest_unread", zone)
    return _count(entry["unread"], "yellow").append(f"\n{since}" if since else "")


def _short_deadline(entry: Entry, zone: tzinfo) -> Text:
    if entry["outcome"] is None:
        return Text("")
    text = Text(entry["outcome"], style=_OUTCOMES.get(entry["outcome"], ""))
    return text.append(f"\n{_short(entry, 'deadline', zone)}")


def _left(entry: Entry) -> Text:
    counts = ((entry["in_inbox"], "inbox"), (entry["in_sent"], "sent"))
    return Text("\n".join(f"{count} {where}" for count, where in counts if count is not None))


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
    return Text(shown(text))


def _local(time: str | None, zone: tzinfo, pattern: str = _DATE_AND_TIME) -> str:
    return "" if time is None else datetime.fromisoformat(time).astimezone(zone).strftime(pattern)


def _short(entry: Entry, name: str, zone: tzinfo) -> str:
    """In few columns: of another year than the newest look, the date alone."""
    same_year = _local(entry[name], zone, "%Y") == _local(entry["tried_at"], zone, "%Y")
    return _local(entry[name], zone, _DAY_AND_TIME if same_year else _DATE)
