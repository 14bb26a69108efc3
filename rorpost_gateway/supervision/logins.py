"""Whether the server takes our logins at all. Pure.

One secret opens every mailbox, and servers lock out who tries a wrong one on mailbox after mailbox: so,
when a few logins in a row have been refused, one at a time is tried, and seldom; the first that is
taken lets all the others follow.
"""

from math import inf

MOST_REFUSED = 5  # in a row, whichever mailboxes they were for
PAUSE_SECONDS = 240.0  # between two trials, in doubt: one comes in time for every deadline (PUNCTUAL_SECONDS)


class Logins:
    """All times are of one clock, in seconds; it may be put back."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._refused: set[str] = set()  # mailboxes, when they were tried last
        self._proved = False  # the newest login that told something of the secret was taken
        self._next_trial_at = -inf

    def is_refused(self, mailbox: str) -> bool:
        """Whether the login to it was refused when it was tried last."""
        return mailbox in self._refused

    @property
    def in_doubt(self) -> bool:
        """Whether so many were refused in a row that nobody believes in the secret any more."""
        return self._in_a_row >= MOST_REFUSED

    def places(self, connections: int) -> int:
        """How many to try at a time, of so many that are allowed: few, until one has been taken."""
        if self.in_doubt:
            return 1
        return connections if self._proved else min(connections, MOST_REFUSED - self._in_a_row)

    def interval(self, seconds: float) -> float:
        """How long until the next round, if it is so long otherwise: each in doubt brings a trial."""
        return min(seconds, PAUSE_SECONDS) if self.in_doubt else seconds

    def may_try(self, now: float) -> bool:
        """Ask before each login."""
        if not self.in_doubt:
            return True
        if now < self._next_trial_at <= now + PAUSE_SECONDS:
            return False
        self._next_trial_at = now + PAUSE_SECONDS
        return True

    def taken(self, mailbox: str) -> None:
        self._refused.discard(mailbox)
        self._in_a_row, self._proved = 0, True

    def refused(self, mailbox: str, now: float) -> None:
        if self.is_refused(mailbox) and not self.in_doubt:
            return
        self._refused.add(mailbox)
        self._in_a_row += 1
        self._proved = False
        self._next_trial_at = now + PAUSE_SECONDS
