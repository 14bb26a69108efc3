"""How long an answer is waited for: a bounded silence and, however slowly octets drip, a bounded time."""

SLOWEST_OCTETS_PER_SECOND = 16 * 1024  # each octet buys its time at this rate, and no more


class Patience:
    """All times are of one monotonic clock, in seconds."""

    def __init__(self, allowance_seconds: float, now: float) -> None:
        self._allowance_seconds = allowance_seconds
        self._began_at = now
        self._moved_at = now
        self._octets = 0

    def moved(self, octets: int, now: float) -> None:
        """Octets came, or went."""
        self._moved_at = now
        self._octets += octets

    def begin_again(self, now: float) -> None:
        self._began_at = self._moved_at = now
        self._octets = 0

    @property
    def due(self) -> float:
        """When it ends, unless more moves until then."""
        bought = self._octets / SLOWEST_OCTETS_PER_SECOND
        return min(self._moved_at, self._began_at + bought) + self._allowance_seconds
