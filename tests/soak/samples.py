"""What was seen of the daemon's memory, and whether it grew. Pure.

The beginning, while everything is done for the first time, does not count. What is compared
are the medians of the first and the last quarter of what remains: a single high or low
sample says nothing, a leak raises all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

WARMING_UP = 0.1  # of all messages
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """When (seconds since the start), how many messages had arrived, and the octets in use then."""

    seconds: float
    arrived: int
    octets: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Medians in octets; `per_message` is what each message between the two quarters left behind."""

    first: float
    last: float
    per_message: float

    @property
    def growth(self) -> float:
        return self.last - self.first


def judge(samples: Sequence[Sample], *, messages: int) -> Verdict:
    """Raises ValueError where there are too few samples to say anything."""
    counted = [each for each in samples if each.arrived >= WARMING_UP * messages]
    quarter = len(counted) // 4
    if quarter < 3:
        raise ValueError(f"{len(counted)} samples are too few: send more messages")
    begin, end = counted[:quarter], counted[-quarter:]
    first, last = (median(each.octets for each in part) for part in (begin, end))
    between = median(each.arrived for each in end) - median(each.arrived for each in begin)
    return Verdict(first=first, last=last, per_message=(last - first) / max(1.0, between))


def sparkline(samples: Sequence[Sample], *, columns: int = 72) -> str:
    """Octets over time as one line of blocks, from nothing to the most that was seen."""
    most = max(each.octets for each in samples)
    chosen = [samples[at * len(samples) // columns] for at in range(min(columns, len(samples)))]
    if len(samples) < columns:
        chosen = list(samples)
    return "".join(_BARS[min(7, 8 * each.octets // (most + 1))] for each in chosen)
