"""How far the loading of a policy has come: a share from 0 to 1 of the whole, for a person who waits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

Progress = Callable[[str, float], None]  # told what is being done, and how much of the whole is done

T = TypeVar("T")

_READING: Final = 0.65  # of the time; the rest goes into understanding what was read
_ONE_IN: Final = 1000


def in_silence(_what: str, _share: float) -> None:
    """Nobody waits."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the work, from which share of the whole to which."""

    first: float
    last: float

    def of(self, progress: Progress, what: str) -> Callable[[float], None]:
        """Tells `progress` of this part, by how much of it is done (0 to 1)."""

        def told(done: float) -> None:
            progress(what, self.first + (self.last - self.first) * done)

        return told

    def each(self, things: Sequence[T], progress: Progress, what: str) -> Iterator[T]:
        """Each of the things; now and then `progress` is told how many of them were taken."""
        told = self.of(progress, what)
        for number, thing in enumerate(things):
            if number % _ONE_IN == 0:
                told(number / len(things))
            yield thing


CHECKING_MAILBOXES: Final = Part(first=_READING, last=0.8)
CHECKING_CHANNELS: Final = Part(first=0.8, last=1.0)


def shares(sizes: Sequence[int]) -> list[Part]:
    """The parts that reading files of these sizes has in the whole."""
    parts, before, whole = [], 0, max(1, sum(sizes))
    for size in sizes:
        parts.append(Part(first=_READING * before / whole, last=_READING * min(1.0, (before + size) / whole)))
        before += size
    return parts
