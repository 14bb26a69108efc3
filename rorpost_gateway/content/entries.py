"""What every reader of a container gives and obeys: entries, and a budget for all of them together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rorpost_gateway.content.bounds import Bounds
from rorpost_gateway.content.kinds import UNKNOWN, Octets

FREE_OCTETS: Final = 4 * 1024 * 1024  # what is small even expanded is no bomb, whatever its ratio


class Closed(ValueError):
    """A container that cannot be read, or not without guessing: broken, encrypted, of an unknown form."""


class BudgetSpent(Closed):
    """Looking further would cost more than one message may."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file. `octets` is None where it cannot be got at (encrypted, an unknown compression)."""

    names: tuple[str, ...] = field(default=(), repr=False)
    octets: Octets | None = field(repr=False)
    declared: str = UNKNOWN
    size_octets: int = 0  # as stated, where the octets are not there
    kind: str | None = None  # where the container knows better than the octets tell


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a container turned out to be. `entries` may raise Closed while it is gone through."""

    kind: str
    entries: Iterator[Entry]


def closed(kind: str) -> Contents:
    """A container of which no more can be told than what it is."""
    return Contents(kind=kind, entries=map(_refused, (kind,)))


def _refused(kind: str) -> Entry:
    raise Closed(kind)


class Budget:
    """How much may still be expanded, and how many entries may still be looked at."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._entries = bounds.entries
        self._octets = bounds.expanded_octets

    def take_entry(self) -> None:
        """Raises BudgetSpent."""
        self._entries -= 1
        if self._entries < 0:
            raise BudgetSpent("too many entries")

    def take_octets(self, count: int) -> None:
        """Raises BudgetSpent."""
        self._octets -= count
        if self._octets < 0:
            raise BudgetSpent("too many octets")

    def most_from(self, packed_octets: int) -> int:
        """What may come out of one compressed entry of this size."""
        return min(
            self._bounds.entry_octets,
            max(FREE_OCTETS, packed_octets * self._bounds.ratio),
            max(0, self._octets),
        )


Reader = Callable[[Octets, Budget], Contents]
