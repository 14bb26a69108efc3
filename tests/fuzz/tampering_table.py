"""What caught each kind of tampering, as a table: `python -m tests.fuzz.tampering_table`.

Every byte is tried with every kind of change, which is more than the tests do.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.peers.tampered import (
    BYTES,
    Bench,
    Log,
    changed_lines,
    flat,
    folded,
    is_day,
    is_tile,
    make_small,
    mutations,
)

FILES: dict[str, Callable[[str], bool]] = {
    "lines": is_day,
    "tiles": is_tile,
    "checkpoints": lambda name: name == "checkpoints",
    "checkpoint": lambda name: name == "checkpoint",
}
HOLDS = "holds"
_WHY = "a newline less behind the newest line, and one more behind the last checkpoint: no part of either"


def rows(log: Log) -> Iterator[tuple[str, str, Iterator[Log]]]:
    """Where, what is done, and each log that it makes."""
    for where, names in FILES.items():
        for kind in BYTES:
            tampered = mutations(log, kind, names, exhaustive=True)
            yield where, f"a byte {kind}", (each for _, each in tampered)
    kinds = dict.fromkeys(kind for kind, _ in changed_lines(flat(log)))
    for kind in kinds:
        lines = (folded(log, lines) for each, lines in changed_lines(flat(log)) if each == kind)
        yield "lines", kind, lines


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 130)
    table = Table("where", "what", "tried", "caught by (how often)", HOLDS, box=None)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as name:
        small = make_small(Path(name))
        bench = Bench(Path(name) / "bench", small.vkey)
        for where, what, logs in rows(small.log):
            verdicts = Counter(each if isinstance(each := bench.verdict(log), str) else HOLDS for log in logs)
            held = verdicts.pop(HOLDS, 0)
            missed += held
            told = ", ".join(f"{check} {count}" for check, count in verdicts.most_common())
            table.add_row(where, what, str(held + verdicts.total()), told, str(held or ""))
    console.print(table)
    console.print(f"{missed} hold: {_WHY}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
