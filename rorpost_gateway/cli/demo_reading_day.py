"""What `rorpost demo` shows of the day on which home care's mailbox was watched."""

from itertools import takewhile

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rorpost_gateway.demo.logs import Line
from rorpost_gateway.demo.notices import Notice
from rorpost_gateway.demo.reading_day import Lived, ReadingDay

_TITLE = "The reading watch over home care's inbox, with the clock in the demo's hands"
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
    table = Table(title=_TITLE, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("clock", no_wrap=True)
    table.add_column("what happens")
    table.add_column("what is seen")
    for each in day.lived:
        table.add_row(_mark(each), f"{each.moment.at:%H:%M}", each.moment.story, _seen(each))
    console.print(table)
    for notice in day.notices[:1]:
        _print_notice(notice, console)
    _print_panel("What the decision log says of it", [_shown(line) for line in day.lines], console)
    _print_panel("rorpost mailboxes", day.table.rstrip().splitlines(), console)


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
    styles = {"met": "green", "missed": "yellow"}
    return Text(lived.seen, styles.get(lived.seen.split(",")[0], ""))


def _shown(line: Line) -> str:
    fields = (f"{name}={line[name]}" for name in _SHOWN_FIELDS if line.get(name) is not None)
    return "\n  ".join(fields)


def _print_panel(title: str, lines: list[str], console: Console) -> None:
    text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
    console.print(Panel(text, title=title, title_align="left"))
