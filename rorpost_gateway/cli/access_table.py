"""The table of `rorpost access report`: who, on whose request, how long still, last used when.

Names come from the policy: what could move a terminal's cursor is shown as a question mark, and nothing
is read as markup.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rorpost_gateway.audit.last_used import MailboxAndUser
from rorpost_gateway.cli.tables import shown, table_console
from rorpost_gateway.policy.access import Access, Standing

SOON_DAYS, VERY_SOON_DAYS = 30, 7
_DATES, _DAYS, _LAST = 11, 9, 10  # columns
_ASKED = "Asked, carried out by"
_STANDINGS = {Standing.OVER: "over", Standing.TO_COME: "to come"}


def print_accesses(
    rows: Sequence[Access],
    used: Mapping[MailboxAndUser, str] | None,
    *,
    day: date,
    zone: tzinfo,
    console: Console | None = None,
) -> None:
    """A row for each authorisation, those of a mailbox below its name. `used` None: no log was asked."""
    console = console or table_console()
    if not rows:
        console.print("Nobody", style="bold")
        return
    widths = _widths(rows, console, last_used=used is not None)
    for _, group in groupby(rows, key=lambda row: row.mailbox):
        people = list(group)
        console.print(_mailbox(people[0]), soft_wrap=True)
        console.print(_table(people, used, zone, widths))
    console.print(Text(_summary(rows, day), style="bold"))


def _table(
    rows: Sequence[Access], used: Mapping[MailboxAndUser, str] | None, zone: tzinfo, widths: tuple[int, int]
) -> Table:
    """The people of one mailbox."""
    table = Table(padding=(0, 2, 0, 0), header_style="dim", box=None)
    for name, width in zip(("  Person", _ASKED), widths, strict=True):
        table.add_column(name, overflow="fold", width=width)
    table.add_column("From, until", no_wrap=True, width=_DATES)
    table.add_column("Days left", width=_DAYS)
    if used is not None:
        table.add_column("Last used", no_wrap=True, width=_LAST)
    for row in rows:
        person = Padding(_two(row.name, row.user), (0, 0, 0, 2))
        dates = Text(f"{row.valid_from}\n{row.valid_until}")
        cells = [] if used is None else [_used(row, used, zone)]
        style = "dim" if row.standing is Standing.OVER else ""
        table.add_row(person, _two(row.requested_by, row.executed_by), dates, _left(row), *cells, style=style)
    return table


def _widths(rows: Sequence[Access], console: Console, *, last_used: bool) -> tuple[int, int]:
    """Of persons, and of those who asked and carried out: the same below every mailbox."""
    room = console.width - sum((_DATES, _DAYS, *((_LAST,) if last_used else ()))) - 2 * (4 + last_used)
    person = 2 + max(cell_len(text) for row in rows for text in (row.name or "", row.user))
    asked = max(cell_len(text) for row in rows for text in (row.requested_by, row.executed_by, _ASKED))
    if person + asked > room:
        person = max(room // 2, room - asked)
    return person, min(asked, room - person)


def _mailbox(row: Access) -> Text:
    name = f" ({shown(row.mailbox_name)})" if row.mailbox_name != row.mailbox else ""
    manager = f"manager {shown(row.manager)}" if row.manager else "no manager"
    return Text.assemble((row.mailbox, "bold"), f"{name}, {manager}")


def _left(row: Access) -> Text:
    if row.standing is not Standing.IN_FORCE or row.days_left is None:
        return Text(_STANDINGS.get(row.standing, ""))
    if row.renewed:
        return Text(f"{row.days_left}\nrenewed")
    if row.days_left <= SOON_DAYS:
        return Text(str(row.days_left), style="bold red" if row.days_left <= VERY_SOON_DAYS else "yellow")
    return Text(str(row.days_left))


def _used(row: Access, used: Mapping[MailboxAndUser, str], zone: tzinfo) -> Text:
    last = used.get((row.mailbox, row.user))
    if last is not None:
        return Text(datetime.fromisoformat(last).astimezone(zone).strftime("%Y-%m-%d"))
    return Text("not found", style="yellow" if row.standing is Standing.IN_FORCE else "")


def _summary(rows: Sequence[Access], day: date) -> str:
    counts = [sum(row.standing is standing for row in rows) for standing in Standing]
    told = ", ".join(
        f"{count} {_STANDINGS.get(standing, 'in force')}"
        for standing, count in zip(Standing, counts, strict=True)
    )
    soon = sum(row.ends_within(SOON_DAYS) for row in rows)
    return f"{day}: {told}; {soon} will end within {SOON_DAYS} days"


def _two(first: str | None, second: str) -> Text:
    return Text(shown(second) if first is None else f"{shown(first)}\n{shown(second)}")
