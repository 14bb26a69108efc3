"""Messages of one folder that could not be settled just now, and when each is due again. No I/O."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rorpost_gateway.retry import Schedule

AT_ONCE = 1000
PAUSES = Schedule(first_seconds=5, factor=2, longest_seconds=900)


@dataclass(kw_only=True)
class _PutOff:
    attempts: int
    due_at: float


class Later:
    """Keyed by UID, for one UIDVALIDITY at a time. `now` counts seconds and never goes back."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        pauses: Schedule = PAUSES,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._now = now
        self._pauses = pauses
        self._chance = chance
        self._uid_validity: int | None = None
        self._put_off: dict[int, _PutOff] = {}
        self._too_large: set[int] = set()
        self._at_once = AT_ONCE

    @property
    def at_once(self) -> int:
        """About how many messages to ask together."""
        return self._at_once

    def not_told(self, asked: Sequence[int]) -> None:
        """What was asked about these was not answered: fewer next time, until one is left."""
        self._at_once = max(1, len(asked) // 8)
        if len(asked) == 1:
            self.put_off(asked[0])

    def all_told(self) -> None:
        """Nothing is left to ask about."""
        self._at_once = AT_ONCE

    def begin(self, uid_validity: int) -> bool:
        """The folder is open; whether its UIDs are others than they were (RFC 3501, section 2.3.1.1)."""
        changed = self._uid_validity not in (None, uid_validity)
        if changed:
            self._put_off.clear()
            self._too_large.clear()
        self._uid_validity = uid_validity
        return changed

    def due(self, uid: int) -> bool:
        put_off = self._put_off.get(uid)
        return put_off is None or put_off.due_at <= self._now()

    def was_put_off(self, uid: int) -> bool:
        return uid in self._put_off

    def put_off(self, uid: int) -> None:
        """Not now. Each time it is put off for longer."""
        attempts = self._put_off[uid].attempts + 1 if uid in self._put_off else 1
        due_at = self._now() + self._pauses.pause_seconds(attempts, self._chance())
        self._put_off[uid] = _PutOff(attempts=attempts, due_at=due_at)

    def settled(self, uid: int) -> None:
        self._put_off.pop(uid, None)
        self._too_large.discard(uid)

    def note_too_large(self, uid: int) -> None:
        """It turned out larger than its server had said: it is not fetched again."""
        self._too_large.add(uid)

    def too_large(self, uid: int) -> bool:
        return uid in self._too_large

    def keep(self, present: Collection[int]) -> None:
        """Forget those that lie in the folder no more."""
        if self._put_off or self._too_large:
            there = set(present)
            self._put_off = {uid: each for uid, each in self._put_off.items() if uid in there}
            self._too_large &= there

    def seconds_to_next(self) -> float | None:
        """Until one is due; None where none is put off."""
        if not self._put_off:
            return None
        return max(0.0, min(each.due_at for each in self._put_off.values()) - self._now())
