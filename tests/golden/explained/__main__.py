"""`python -m tests.golden.explained` prints, for each message, the daemon's line beside what explain says.

`--all` prints every field; else the fields of those that differ, and a line for each that does not.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.operator_log import silent
from tests.golden.explained.comparing import Comparison, sources
from tests.peers.gnupg_home import prepared


def main(arguments: list[str]) -> int:
    console = Console(width=200, highlight=False)
    count = wrong = 0
    with (
        silent(),
        prepared() as keys,
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        sources(Path(folder), keys) as comparisons,
    ):
        for comparison in comparisons:
            count += 1
            wrong += bool(comparison.differences)
            _print(console, comparison, every_field="--all" in arguments)
    console.print(f"{count} messages, {wrong} of them differ")
    return 1 if wrong or not count else 0


def _print(console: Console, comparison: Comparison, *, every_field: bool) -> None:
    trial, rows = comparison.trial, comparison.rows
    mark = "DIFFERS" if comparison.differences else "same"
    console.print(
        Text(f"{mark}  {len(rows):>3} fields  {trial.direction:<8}  {comparison.said['reason']:<36}"),
        Text(f"{comparison.source}: {trial.name}"),
        soft_wrap=True,
    )
    if not every_field and not comparison.differences:
        return
    table = Table("field", "the daemon's line", "explain")
    for name, theirs, ours in rows:
        table.add_row(Text(name), Text(str(theirs)), Text(str(ours)), style="" if theirs == ours else "red")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
