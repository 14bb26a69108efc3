"""One part of the bench's outcome: a table for people, its figures for programs, and what to know of it.

A new part is a module with `measure(on, plan, say) -> Section`, named in `__main__.SECTIONS`.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rorpost_gateway.openpgp.engines import GNUPG, SEQUOIA
from tests.bench.ground import Ground

KB, MB = 1000, 1_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured. `octets` are the sizes of messages; `share` scales every number of messages."""

    octets: tuple[int, ...]
    runs: int
    share: float
    idle_connections: int
    engines: tuple[str, ...] = (SEQUOIA, GNUPG)
    parts: frozenset[str] = frozenset()  # names of sections; empty: all

    def messages(self, full: int) -> int:
        """How many, of a number meant for the full bench."""
        return max(3, round(full * self.share))


FULL = Plan(octets=(4096, 100 * KB, 5 * MB), runs=3, share=1.0, idle_connections=1000)
QUICK = Plan(octets=(4096, 100 * KB), runs=1, share=0.2, idle_connections=200)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of the plot: what it stands for, in which group, how long, and from where to where runs lay."""

    group: str
    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Section:
    """`rows` hold a text for each of `columns`; `figures` are what goes into result.json."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    figures: Any
    notes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = field(default=())
    unit: str = ""  # of the bars


Say = Callable[[str], None]
Measure = Callable[[Ground, Plan, Say], Section]


def size(octets: int) -> str:
    """`4 kB`, `100 kB`, `5 MB`."""
    return f"{octets / MB:.0f} MB" if octets >= MB else f"{octets / KB:.0f} kB"


def rate(value: float) -> str:
    """As many digits as mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values: Sequence[float]) -> str:
    """The median, and from where to where the runs lay, where there were several."""
    middle = rate(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({rate(min(values))}–{rate(max(values))})"
