"""Supervision on the two days of 2026 on which the clocks change.

`python -m tests.integration.supervision_table` prints a row for each deadline's line, with the flags of
the inbox right before and right after the look. It ends with 0 only where every outcome is the expected
one and no look changed a flag or a file name.
"""

import logging
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from rorpost_gateway.supervision.base import DeadlineLine
from tests.peers.authority import make_authority
from tests.peers.clock_changes import AUTUMN, EXPECTED, SPRING, STOCKHOLM, TOLD
from tests.peers.supervised_day import Files, Supervised, dovecot_to_supervise, supervise

COLUMNS = ("deadline (local)", "UTC", "mailbox", "outcome", "unread", "oldest unread", "inbox", "foreign")


def table_of(day: date, found: Supervised) -> Table:
    table = Table(*COLUMNS, "flags before", "flags after", title=f"{day:%A %d %B %Y}", box=None)
    for row in sorted(found.rows, key=lambda row: (row.line.deadline, row.line.mailbox)):
        table.add_row(*cells(row.line), flags(row.before), flags(row.after))
    return table


def cells(line: DeadlineLine) -> list[str]:
    at = datetime.fromisoformat(line.deadline)
    oldest = line.oldest_unread.astimezone(STOCKHOLM) if line.oldest_unread else None
    return [
        f"{at:%H:%M:%S%z}",
        f"{at.astimezone(UTC):%H:%M:%S}",
        line.mailbox,
        line.outcome.value,
        str(line.unread),
        f"{oldest:%H:%M:%S%z}" if oldest else "-",
        str(line.in_inbox),
        str(line.foreign),
    ]


def flags(files: Files | None) -> str:
    by_uid = files[0] if files else {}
    return " ".join(f"{uid}:{''.join(sorted(names)) or '-'}" for uid, names in by_uid.items()) or "empty"


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(width=None if sys.stdout.isatty() else 180, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="rorpost-supervision-") as name:
        folder = Path(name)
        with dovecot_to_supervise(make_authority(folder)) as dovecot:
            sound = [show(console, day, supervise(day, dovecot, folder)) for day in (SPRING, AUTUMN)]
    return 0 if all(sound) else 1


def show(console: Console, day: date, found: Supervised) -> bool:
    """Print a day; whether it is as it must be."""
    unchanged = all(row.unchanged for row in found.rows) and not found.disturbed
    expected = found.outcomes() == EXPECTED[day] and found.told == TOLD[day]
    console.print(table_of(day, found))
    console.print("told: " + "; ".join(f"{at} {who}: {mailbox}" for at, who, mailbox in found.told))
    console.print(
        f"{found.looks} looks; flags and file names {'unchanged' if unchanged else 'CHANGED'}; "
        f"{'as expected' if expected else 'NOT AS EXPECTED'}\n"
    )
    return unchanged and expected


if __name__ == "__main__":
    sys.exit(main())
