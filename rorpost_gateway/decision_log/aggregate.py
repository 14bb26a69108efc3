"""Floods: the first of a client's minute is a line at once, the rest of it one line with a count.

Pure: the clock is an argument. Memory is bounded: beyond `clients` open minutes
everything else is counted under the one client `other`, a reason each.
Failed logins and refusals outside transactions (too many connections, TLS
required, …) are counted here; decisions on messages never are.
"""

from dataclasses import dataclass

from rorpost_gateway.decision import Reason

OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """`count` more of the same from a client since `since` (seconds since the epoch, UTC)."""

    client: str
    reason: Reason
    count: int
    since: float


@dataclass(kw_only=True)
class _Window:
    since: float
    more: int = 0


class Floods:
    """Counts per client and reason. Feed it with `note`, take lines from `due`."""

    def __init__(self, *, window_seconds: float = 60.0, clients: int = 10_000) -> None:
        self._window_seconds = window_seconds
        self._clients = clients
        self._windows: dict[tuple[str, Reason], _Window] = {}

    def note(self, client: str, reason: Reason, *, now: float) -> bool:
        """Count one; True where it deserves a line of its own now."""
        key = (client, reason)
        if key not in self._windows and len(self._windows) >= self._clients:
            key = (OTHER, reason)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(since=now)
            return True
        # A minute that is over but not yet collected goes on counting: no line is lost, none is double.
        window.more += 1
        return False

    def due(self, now: float) -> list[Aggregate]:
        """The minutes that are over; each is forgotten, and is in the list if there was more."""
        over = [key for key, window in self._windows.items() if self._over(window, now)]
        return self._take(over)

    def drain(self) -> list[Aggregate]:
        """At the end: every open minute, as if it were over."""
        return self._take(list(self._windows))

    def next_due(self) -> float | None:
        """When the earliest minute is over; None where none is open."""
        if not self._windows:
            return None
        return min(window.since for window in self._windows.values()) + self._window_seconds

    def _over(self, window: _Window, now: float) -> bool:
        # A clock that jumped back would otherwise keep the minute open for as long as it jumped.
        return now >= window.since + self._window_seconds or now < window.since

    def _take(self, keys: list[tuple[str, Reason]]) -> list[Aggregate]:
        taken = []
        for key in keys:
            window = self._windows.pop(key)
            if window.more:
                client, reason = key
                taken.append(Aggregate(client=client, reason=reason, count=window.more, since=window.since))
        return taken
