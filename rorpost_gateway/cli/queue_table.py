"""The queue's tables, with the columns that `postqueue -p` has.

Replies come from other servers: whatever could move a terminal's cursor or read as
markup is shown as plain characters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.tables import table_console
from rorpost_gateway.queue.base import Purpose

Entry = Mapping[str, Any]


def print_list(entries: Sequence[Entry], console: Console | None = None) -> None:
    """One row a copy; what copies share stands in the first one's row."""
    console = console or table_console()
    if not entries:
        console.print("Queue is empty")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Queue ID", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    table.add_column("Arrival", no_wrap=True)
    table.add_column("Sender", overflow="fold")
    table.add_column("Recipient, last reply, next attempt", overflow="fold")
    for _, copies in groupby(entries, key=lambda entry: entry["queue_id"]):
        for number, entry in enumerate(copies):
            shared = (
                (entry["queue_id"], str(entry["size"]), _local(entry["received"]), entry["sender"])
                if number == 0
                else ("", "", "", "")
            )
            cells = (shared[0], entry["state"], *shared[1:])
            table.add_row(*(plain(cell) for cell in cells), plain(_progress(entry)))
    console.print(table)
    messages = {entry["queue_id"]: entry["size"] for entry in entries}
    console.print(f"-- {-(-sum(messages.values()) // 1024)} Kbytes in {len(messages)} Requests.")


def print_entries(entries: Sequence[Entry], console: Console | None = None) -> None:
    """Everything that is known of each copy, a field a line."""
    console = console or table_console()
    for entry in entries:
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in entry.items():
            if value is not None:
                text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
                table.add_row(name.replace("_", " "), plain(text))
        console.print(table)
        console.print()


def plain(text: str) -> Text:
    """`text` for a terminal: printable ASCII and line ends, nothing else."""
    return Text("".join(c if " " <= c <= "~" or c == "\n" else "?" for c in text))


def _progress(entry: Entry) -> str:
    lines = [entry["recipient"]]
    if entry["purpose"] == Purpose.SENT_COPY:
        lines.append("copy for its own Sent folder")
    if entry["held_because"]:
        lines.append(f"on hold: {entry['held_because']}")
    if entry["last_reply"]:
        lines.append(f"({entry['last_next_hop'] or 'no next hop'} said: {entry['last_reply']})")
    if entry["state"] == "deferred":
        lines.append(f"next attempt {_local(entry['next_attempt'])}")
    return "\n".join(line.replace("\n", "?") for line in lines)


def _local(time: str | None) -> str:
    if time is None:
        return ""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
