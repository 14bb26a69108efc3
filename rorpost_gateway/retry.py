"""When to try again, when to warn, when to give up. Pure.

RFC 5321, section 4.5.4.1: retries with growing pauses, for a bounded time. The
pause is spread a little, so that what was deferred together does not come back
together; the share of chance is an argument, so that tests know the answer.
"""

from dataclasses import dataclass

SPREAD = 0.2  # a pause is between 0.8 and 1.2 of what its place in the row says
_GROWTHS = 64  # beyond this any factor has reached the longest pause, and floats stay finite


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """All in seconds; the two limits count from when the message was received."""

    first_seconds: float = 30
    factor: float = 2
    longest_seconds: float = 3600
    warn_after_seconds: float = 3600
    give_up_after_seconds: float = 2 * 24 * 3600

    def __post_init__(self) -> None:
        if min(self.first_seconds, self.longest_seconds, self.give_up_after_seconds) <= 0 or self.factor < 1:
            raise ValueError("pauses must be positive and must not shrink")

    def pause_seconds(self, attempts: int, chance: float) -> float:
        """The pause after `attempts` finished attempts (at least one); `chance` is in [0, 1)."""
        plain = self.first_seconds
        for _ in range(min(attempts - 1, _GROWTHS)):
            plain = min(plain * self.factor, self.longest_seconds)
        return min(plain, self.longest_seconds) * (1 - SPREAD + 2 * SPREAD * chance)

    def next_attempt_at(self, *, received_at: float, now: float, attempts: int, chance: float) -> float:
        """Seconds since the epoch, later than `now`.

        Never past the moments for a warning and for giving up, so that both are
        told on time, and after one more try.
        """
        due = now + self.pause_seconds(attempts, chance)
        for limit in (self.warn_after_seconds, self.give_up_after_seconds):
            if now < received_at + limit < due:
                return received_at + limit
        return due

    def warning_due(self, *, received_at: float, now: float) -> bool:
        return now >= received_at + self.warn_after_seconds

    def give_up_due(self, *, received_at: float, now: float) -> bool:
        return now >= self.give_up_at(received_at)

    def give_up_at(self, received_at: float) -> float:
        return received_at + self.give_up_after_seconds
