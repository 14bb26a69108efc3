"""What is counted of one source: outcomes, and whether its last round went through. No I/O."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Counted(StrEnum):
    TAKEN = "taken"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    DEFERRED = "deferred"  # each time one was put off


@dataclass(kw_only=True)
class Figures:
    """`up` says that the last round went through whole; `last_success_at` when one last did
    (seconds since the epoch), None before the first.
    """

    name: str
    outcomes: Counter[Counted] = field(default_factory=lambda: Counter(dict.fromkeys(Counted, 0)))
    up: bool = False
    last_success_at: float | None = None

    def count(self, outcome: Counted) -> None:
        self.outcomes[outcome] += 1

    def went_through(self, at: float) -> None:
        self.up = True
        self.last_success_at = at

    def failed(self) -> None:
        self.up = False
