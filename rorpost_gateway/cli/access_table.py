"""The table of `rorpost access report`: who, on whose request, how long still, last used when.

Names come from the policy: what could move a terminal's cursor is shown as a question mark, and nothing
is read as markup.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.audit.last_used import MailboxAndUser
from rorpost_gateway.cli.tables import table_console
from rorpost_gateway.policy.access import Access, Standing

SOON_DAYS, VERY_SOON_DAYS = 30, 7
_STANDINGS = {Standing.OVER: "over", Standing.TO_COME: "to come"}


def print_accesses(
    rows: Sequence[Access],
    used: Mapping[MailboxAndUser, str] | None,
    *,
    day: date,
    zone: tzinfo,
    console: Console | None = None,
) -> None:
    """A row for each authorisation, its mailbox named above the first. `used` None: no log was asked."""
    console = console or table_console()
    if not rows:
        console.print("Nobody", style="bold")
        return
    table = Table(pad_edge=False, header_style="bold", box=None)
    for name in ("Mailbox", "Person", "Asked for and\ncarried out by", "From and\nuntil", "Days\nleft"):
        table.add_column(name, overflow="fold", justify="right" if name == "Days\nleft" else "left")
    if used is not None:
        table.add_column("Last used", no_wrap=True)
    before = None
    for row in rows:
        cells = [
            _mailbox(row) if row.mailbox != before else Text(""),
            _two(row.name, row.user),
            _two(row.requested_by, row.executed_by),
            Text(f"{row.valid_from}\n{row.valid_until}"),
            _left(row),
        ]
        cells += [] if used is None else [_used(row, used, zone)]
        table.add_row(*cells, style="dim" if row.standing is Standing.OVER else "")
        before = row.mailbox
    console.print(table)
    console.print(Text(_summary(rows, day), style="bold"))


def _mailbox(row: Access) -> Text:
    text = _two(row.mailbox_name if row.mailbox_name != row.mailbox else None, row.mailbox)
    return text.append(f"\nmanager {_shown(row.manager)}" if row.manager else "\nno manager")


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
    told = ", ".join(f"{count} {standing.value}" for standing, count in zip(Standing, counts, strict=True))
    soon = sum(row.ends_within(SOON_DAYS) for row in rows)
    return f"{day}: {told}; {soon} will end within {SOON_DAYS} days"


def _two(first: str | None, second: str) -> Text:
    return Text(_shown(second) if first is None else f"{_shown(first)}\n{_shown(second)}")


def _shown(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
