"""What `rorpost demo` shows of the day on which home care's mailbox was watched."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rorpost_gateway.demo.logs import Line
from rorpost_gateway.demo.notices import Notice
from rorpost_gateway.demo.reading_day import ZONE, Lived, ReadingDay

_TITLE = "The reading watch over home care's inbox, with the clock in the demo's hands"
_STYLES = {"met": "green", "missed": "yellow"}
_SHOWN_FIELDS = (
    "event",
    "mailbox",
    "outcome",
    "deadline",
    "unread",
    "oldest_unread",
    "in_inbox",
    "in_sent",
    "foreign",
)


def print_reading_day(day: ReadingDay, console: Console) -> None:
    """The day, the first mail about it, what the log says, and the command's own table."""
    table = _table(_TITLE)
    table.add_column("")
    table.add_column("clock", no_wrap=True)
    table.add_column("what happens")
    table.add_column("what is seen")
    for each in day.lived:
        table.add_row(_mark(each), f"{each.moment.at:%H:%M}", each.moment.story, _seen(each))
    console.print(table)
    for notice in day.notices[:1]:
        _print_notice(notice, console)
    said = "\n".join(_shown(line) for line in day.lines)
    console.print(Panel(Text(said), title="What the decision log says of it", title_align="left"))
    _print_mailboxes(day.mailboxes, console)


def _print_mailboxes(entries: Sequence[Line], console: Console) -> None:
    """The answer of `rorpost mailboxes`, as much of it as fits into a terminal of 80 columns."""
    table = _table("rorpost mailboxes, in short: what is left, and was it read in time")
    for column in ("mailbox", "deadline", "unread", "in inbox", "in sent", "foreign"):
        table.add_column(column, no_wrap=column != "unread")  # where a fault would stand
    for entry in entries:
        table.add_row(
            entry["mailbox"].removeprefix("rorpost.").split("@")[0],
            _outcome(entry),
            Text(entry["fault"] or _unread(entry)),
            *(_figure(entry[name]) for name in ("in_inbox", "in_sent", "foreign")),
        )
    console.print(table)


def _figure(number: int | None) -> str:
    return "–" if number is None else str(number)


def _unread(entry: Line) -> str:
    return f"{entry['unread']} since {_clock(entry['oldest_unread'])}" if entry["unread"] else "0"


def _outcome(entry: Line) -> Text:
    if entry["outcome"] is None:
        return Text("–")
    return Text(f"{_clock(entry['deadline'])} {entry['outcome']}", _STYLES.get(entry["outcome"], ""))


def _clock(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone(ZONE):%H:%M}"


def _print_notice(notice: Notice, console: Console) -> None:
    """What it says in the first of its languages."""
    lines = takewhile(lambda line: not line.startswith("----"), notice.as_read())
    title = "What whoever is on duty gets: no content, no sender, no subject"
    console.print(Panel(Text("\n".join(lines).strip()), title=title, title_align="left"))


def _mark(lived: Lived) -> Text:
    return Text("✓", "green") if lived.as_wanted else Text("✗", "bold red")


def _seen(lived: Lived) -> Text:
    if not lived.as_wanted:
        return Text(f"wanted {lived.moment.want}, saw {lived.seen}", "bold red")
    return Text(lived.seen, _STYLES.get(lived.seen.split(",")[0], ""))


def _shown(line: Line) -> str:
    return "  ".join(f"{name}={line[name]}" for name in _SHOWN_FIELDS if line.get(name) is not None)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
