"""How long to wait before a server is asked again. Pure; the share of chance is an argument."""

from rorpost_gateway.retry import Schedule


class Backoff:
    """Pauses that grow from `first_seconds` to `longest_seconds`, spread by a fifth either way."""

    def __init__(
        self, *, first_seconds: float = 5.0, longest_seconds: float = 300.0, factor: float = 2.0
    ) -> None:
        self._schedule = Schedule(first_seconds=first_seconds, longest_seconds=longest_seconds, factor=factor)
        self._failures = 0

    @property
    def failures(self) -> int:
        """In a row."""
        return self._failures

    def failed(self, chance: float) -> float:
        """Another failure; the seconds to wait now. `chance` is in [0, 1)."""
        self._failures += 1
        return self._schedule.pause_seconds(self._failures, chance)

    def succeeded(self) -> None:
        """What comes next begins with the shortest pause again."""
        self._failures = 0
