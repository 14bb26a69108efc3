"""Bounds that sessions share: octets in flight and connections. No I/O.

Both are plain counters: one event loop changes them, and every way out of a
session gives back what it took.
"""

from collections import Counter
from enum import Enum, auto

IN_FLIGHT_OCTETS = 536_870_912


class Budget:
    """Octets of memory that messages between DATA and its reply may use, over all sessions."""

    def __init__(self, capacity_octets: int = IN_FLIGHT_OCTETS) -> None:
        self.capacity_octets = capacity_octets
        self.used_octets = 0

    def has_room(self, octets: int) -> bool:
        """Whether one copy of so much would fit now, where it ever could. Nothing is reserved."""
        return octets > self.capacity_octets or self.used_octets + octets <= self.capacity_octets

    def share(self, *, copies: int) -> "Share":
        """What one message will use; each octet counts once for every copy to be made of it."""
        return Share(self, max(1, copies))


class Share:
    """One message's part of a Budget. `give_back` ends it and may be called twice."""

    def __init__(self, budget: Budget, copies: int) -> None:
        self._budget = budget
        self._copies = copies
        self._taken = 0

    def could_ever_hold(self, octets: int) -> bool:
        """Whether a message of this size fits while nothing else is in flight."""
        return octets * self._copies <= self._budget.capacity_octets

    def take(self, octets: int) -> bool:
        """Reserve room for `octets` more of the message; False where there is none."""
        wanted = octets * self._copies
        if self._budget.used_octets + wanted > self._budget.capacity_octets:
            return False
        self._budget.used_octets += wanted
        self._taken += wanted
        return True

    def give_back(self) -> None:
        self._budget.used_octets -= self._taken
        self._taken = 0


class Admission(Enum):
    WELCOME = auto()
    REFUSE = auto()  # say why, then close
    DROP = auto()  # so many that even saying why costs too much


class Connections:
    """How many connections there are, in all and from each address.

    A refused connection counts until it is closed, so that refusals are bounded too.
    """

    def __init__(self, *, most: int, most_per_client: int) -> None:
        self._most = most
        self._most_per_client = most_per_client
        self._by_client: Counter[str] = Counter()
        self.open = 0

    def admit(self, ip: str) -> Admission:
        self.open += 1
        self._by_client[ip] += 1
        if self.open > 2 * self._most or self._by_client[ip] > 2 * self._most_per_client:
            return Admission.DROP
        if self.open > self._most or self._by_client[ip] > self._most_per_client:
            return Admission.REFUSE
        return Admission.WELCOME

    def leave(self, ip: str) -> None:
        self.open -= 1
        self._by_client[ip] -= 1
        if not self._by_client[ip]:
            del self._by_client[ip]
