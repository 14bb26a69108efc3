"""What is kept of a folder from one look to the next, so that no message is asked about twice.

A message costs some 20 octets: its UID, when it arrived, and whether it is foreign. UIDs mean something
together with the folder's UIDVALIDITY only (RFC 3501, section 2.3.1.1); where that has changed,
everything is forgotten. UIDs ascend strictly.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rorpost_gateway.supervision.contents import FolderContents

AT_ONCE = 1000  # new messages that are asked about, and looked for in the log, together


class FolderMemory:
    """One folder of one mailbox."""

    def __init__(self) -> None:
        self._begin(None)

    @property
    def at_once(self) -> int:
        """How many new messages to ask about together."""
        return self._at_once

    @property
    def unreadable(self) -> frozenset[int]:
        """UIDs whose header is longer than a session reads."""
        return frozenset(self._unreadable)

    def too_large(self, asked: Sequence[int]) -> None:
        """One of these has such a header: fewer at once next time, until it is found."""
        self._at_once = max(1, len(asked) // 8)
        if len(asked) == 1:
            (self._unreadable if asked[0] in self._suspected else self._suspected).add(asked[0])

    def all_taken_in(self) -> None:
        """Nothing is left to ask about."""
        self._at_once = AT_ONCE
        self._suspected.clear()

    def _begin(self, uid_validity: int | None) -> None:
        self._uid_validity = uid_validity
        self._uids = array("L")
        self._arrived = array("q")  # seconds since the epoch
        self._foreign = bytearray()  # 1 where the message is foreign
        self._unreadable, self._suspected = set[int](), set[int]()
        self._at_once = AT_ONCE

    def __len__(self) -> int:
        return len(self._uids)

    def recall(self, uid_validity: int, uids: Sequence[int]) -> list[int]:
        """Forget what is not there any more; which of `uids` (ascending) are not known yet."""
        if uid_validity != self._uid_validity:
            self._begin(uid_validity)
        there = array("L", uids)
        if there[: len(self._uids)] == self._uids:
            return list(there[len(self._uids) :])
        kept, known = set(there), set(self._uids)
        self._keep(at for at, uid in enumerate(self._uids) if uid in kept)
        return [uid for uid in there if uid not in known]

    def note(self, uid: int, arrived_at: datetime, *, foreign: bool) -> None:
        """A message that is new, or what is known better now of one that is not."""
        at = bisect_left(self._uids, uid)
        if at < len(self._uids) and self._uids[at] == uid:
            self._foreign[at] = foreign
            return
        self._uids.insert(at, uid)
        self._arrived.insert(at, int(arrived_at.timestamp()))
        self._foreign.insert(at, foreign)

    def foreign_since(self, since: datetime, *, most: int) -> list[int]:
        """UIDs of foreign messages that arrived later than `since`, the newest ones."""
        bound = int(since.timestamp())
        found = [uid for at, uid in enumerate(self._uids) if self._foreign[at] and self._arrived[at] > bound]
        return found[-most:]

    def contents(self, unseen: Iterable[int]) -> FolderContents:
        """The figures; `unseen` are the UIDs of the messages that nobody has read."""
        unread = list(self._arrivals(unseen))
        return FolderContents(
            messages=len(self._uids),
            unread=len(unread),
            oldest_at=_moment(min(self._arrived)) if self._arrived else None,
            oldest_unread_at=_moment(min(unread)) if unread else None,
            foreign=self._foreign.count(1),
        )

    def _arrivals(self, uids: Iterable[int]) -> Iterator[int]:
        for uid in uids:
            at = bisect_left(self._uids, uid)
            if at < len(self._uids) and self._uids[at] == uid:
                yield self._arrived[at]

    def _keep(self, places: Iterable[int]) -> None:
        kept = list(places)
        self._uids = array("L", (self._uids[at] for at in kept))
        self._arrived = array("q", (self._arrived[at] for at in kept))
        self._foreign = bytearray(self._foreign[at] for at in kept)


@dataclass(frozen=True, kw_only=True)
class MailboxMemory:
    """The two folders that are looked into."""

    inbox: FolderMemory = field(default_factory=FolderMemory)
    sent: FolderMemory = field(default_factory=FolderMemory)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
