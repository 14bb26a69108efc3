"""Guessing of passwords, kept from crowding out everybody else's logins.

Checking a password is slow on purpose, and there is room for few checks at a time. Who
has been wrong again and again has one check at a time; others keep their places. Nobody
is locked out: the right password counts as soon as it is that client's turn.
Memory is bounded; the clock is an argument.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rorpost_gateway.errors import LoginsBusy

WRONG_MOST = 5
FORGOTTEN_AFTER_SECONDS = 300.0
CLIENTS_MOST = 10_000


@dataclass(kw_only=True)
class _Wrong:
    count: int
    last: float


class Guessing:
    """Counts by network (`Client.network`), since one customer has many IPv6 addresses."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wrong: dict[str, _Wrong] = {}  # the one that was wrong last stands last
        self._checking: Counter[str] = Counter()

    @contextmanager
    def turn(self, network: str) -> Iterator[None]:
        """One check. Raises LoginsBusy where the client guesses and has one going already."""
        if self._checking[network] and self._guesses(network):
            raise LoginsBusy("one password at a time from a client that guesses")
        self._checking[network] += 1
        try:
            yield
        finally:
            self._checking[network] -= 1
            if not self._checking[network]:
                del self._checking[network]

    def note_wrong(self, network: str) -> None:
        now = self._now()
        earlier = self._wrong.pop(network, None)
        count = earlier.count if earlier and not self._over(earlier, now) else 0
        self._wrong[network] = _Wrong(count=count + 1, last=now)
        while len(self._wrong) > CLIENTS_MOST:
            del self._wrong[next(iter(self._wrong))]

    def _guesses(self, network: str) -> bool:
        wrong = self._wrong.get(network)
        return wrong is not None and wrong.count >= WRONG_MOST and not self._over(wrong, self._now())

    def _over(self, wrong: _Wrong, now: float) -> bool:
        # A clock that jumped back would otherwise remember for as long as it jumped.
        return not 0 <= now - wrong.last < FORGOTTEN_AFTER_SECONDS
