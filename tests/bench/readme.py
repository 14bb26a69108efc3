"""The section "Measured" of the project's README, from a run's own figures and nothing else."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.section import rate, size

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- measured: written by `make bench BENCH_ARGS=--readme` -->\n", "<!-- /measured -->\n"
_COLUMNS = ("Postfix", "gateway, sequoia", "gateway, gnupg")


def put(path: Path, text: str) -> None:
    """Put the text between the two marks of a file. Raises ValueError where they are missing."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for what was measured")
    path.write_text(before + begin + text + end + after, encoding="utf-8")


def measured(machine: dict[str, Any], mail: Sequence[dict[str, Any]]) -> str:
    """A table of what arrived at the sink a second, and how it was measured. `mail` as in result.json."""
    found = {(one["octets"], one["way"], one["contender"]): one["runs"] for one in mail}
    names = [name for name in _COLUMNS if any(key[2] == name for key in found)]
    lines = [
        f"| messages a second | {' | '.join(names)} |",
        f"| --- |{' ---: |' * len(names)}",
        *(
            f"| {size(octets)}, {way} | {' | '.join(_cell(found, octets, way, name) for name in names)} |"
            for octets, way in dict.fromkeys((octets, way) for octets, way, _ in found)
        ),
    ]
    runs = len(next(iter(found.values())))
    return (
        "\n".join(lines)
        + f"\n\n{machine['cores']} cores ({machine['machine']}), Python {machine['python']}, "
        + f"Postfix {machine['postfix']}, {machine['at'][:10]}; "
        + (f"median of {runs} runs" if runs > 1 else "one run, good for a look only,")
        + " by turns, counted at the sink; in brackets: of Postfix's rate.\n"
    )


def _cell(found: dict[tuple[int, str, str], Any], octets: int, way: str, name: str) -> str:
    if (octets, way, name) not in found:
        return ""
    rates = {
        who: statistics.median(run["arrived_rate"] for run in found[octets, way, who])
        for who in (name, _COLUMNS[0])
    }
    share = "" if name == _COLUMNS[0] else f" ({rates[name] / rates[_COLUMNS[0]]:.2f})"
    return rate(rates[name]) + share
