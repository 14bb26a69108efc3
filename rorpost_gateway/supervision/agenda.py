"""Which mailbox is looked into next: those with a deadline first, none by two at a time. Pure."""


class Agenda:
    """Addresses that wait for a look. One that is being looked into is not handed out again meanwhile."""

    def __init__(self) -> None:
        self._urgent: dict[str, None] = {}
        self._others: dict[str, None] = {}
        self._in_hand: set[str] = set()
        self._again: set[str] = set()

    def __len__(self) -> int:
        """How many wait, those in hand not counted."""
        return len(self._urgent) + len(self._others)

    def add(self, address: str, *, urgent: bool = False) -> None:
        """Ask for a look. An urgent one is made anew even where one has begun already."""
        if address in self._in_hand:
            if urgent:
                self._again.add(address)
        elif urgent:
            self._others.pop(address, None)
            self._urgent[address] = None
        elif address not in self._urgent:
            self._others[address] = None

    def take(self) -> str | None:
        """The next one, which is in hand until `done`; None where nobody waits."""
        waiting = self._urgent or self._others
        if not waiting:
            return None
        address = next(iter(waiting))
        del waiting[address]
        self._in_hand.add(address)
        return address

    def done(self, address: str) -> None:
        """The look is over."""
        self._in_hand.discard(address)
        if address in self._again:
            self._again.discard(address)
            self._urgent[address] = None
