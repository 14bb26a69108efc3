"""Which mailbox is looked into next: those with a deadline first, none by two at a time. Pure."""


class Agenda:
    """Addresses that wait for a look. One that is being looked into is not taken in meanwhile."""

    def __init__(self) -> None:
        self._urgent: dict[str, None] = {}
        self._others: dict[str, None] = {}
        self._in_hand: set[str] = set()

    def __len__(self) -> int:
        """How many wait, those in hand not counted."""
        return len(self._urgent) + len(self._others)

    def add(self, address: str, *, urgent: bool = False) -> None:
        """Ask for a look, before all that are not urgent where this one is."""
        if address in self._in_hand or address in self._urgent:
            return
        if urgent:
            self._others.pop(address, None)
            self._urgent[address] = None
        else:
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
