"""One round through an open folder: fetch, decide, note, move.

Invariants, for each message: it is moved only when the journal says what was decided, and the
journal says so only when the decision is durable. Whatever is cut off between two of these
steps is taken up again by the next round: what the journal knows is only moved; what it does
not know is offered again, and the way in knows a seal that it has taken. Nothing is deleted
and no flag is changed.

The session is used by this task alone; several messages are decided meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import structlog

from rorpost_gateway.collecting.base import FOLDERS, Journal, Refused, Share, Source, Tells
from rorpost_gateway.collecting.figures import Counted, Figures
from rorpost_gateway.collecting.later import Later
from rorpost_gateway.collecting.offering import BROKE_DOWN, Answer, Offering
from rorpost_gateway.imap.base import ImapRefused, ImapTooLarge, Session
from rorpost_gateway.queue.base import Collected, CollectedAs, CollectedFrom

log = structlog.get_logger()

BATCH = 200
IN_HAND = 8  # messages being decided at a time
PATIENCE = 5  # so many put off in a row, and the trouble is the gateway's own: the rest waits too
_NOTED_AGAIN_SECONDS = 86_400.0  # the journal forgets; what lies there still is noted again before


@dataclass(frozen=True, kw_only=True)
class Means:
    """What every round needs. `now` is seconds since the epoch."""

    journal: Journal
    tells: Tells
    share: Callable[[], Share]
    most_octets: int  # of a message, sealed
    now: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class _InHand:
    uid: int
    deciding: asyncio.Task[Answer]


@dataclass(kw_only=True)
class Round:
    """`work` once. `ensured` are folders known to be there, for the session's life."""

    session: Session
    source: Source
    uid_validity: int
    offering: Offering
    means: Means
    later: Later
    figures: Figures
    ensured: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._in_hand: deque[_InHand] = deque()
        self._settled = 0
        self._put_off_in_a_row = 0
        self.troubled = False  # something could not be settled

    async def work(self) -> int:
        """How many messages left the folder, or were decided. Raises ImapError, QueueUnavailable."""
        present = await self.session.uids()
        self.later.keep(present)
        due = [uid for uid in present if self.later.due(uid)]
        try:
            for start in range(0, len(due), BATCH):
                await self._batch(due[start : start + BATCH])
                if self._out_of_patience:
                    break
            await self._finish(leaving=0)
        finally:
            await self._abandon()
        return self._settled

    async def _batch(self, uids: Sequence[int]) -> None:
        known = await self.means.journal.find_collected(self.source.name, self.uid_validity, uids)
        sizes = await self._sizes([uid for uid in uids if uid not in known])
        for uid in uids:
            if uid in known:
                await self._known(uid, known[uid])
            elif uid in sizes:
                await self._unknown(uid, sizes[uid])
            if self._out_of_patience:
                return

    @property
    def _out_of_patience(self) -> bool:
        return self._put_off_in_a_row >= PATIENCE

    async def _sizes(self, uids: Sequence[int]) -> Mapping[int, int]:
        return {each.uid: each.size async for each in self.session.summaries(uids)} if uids else {}

    async def _known(self, uid: int, collected: Collected) -> None:
        """Decided before: an earlier round did not come to move it."""
        now = self.means.now()
        if not 0 <= now - collected.noted_at < _NOTED_AGAIN_SECONDS:
            await self.means.journal.note_collected(self._where(uid), collected.outcome, now=now)
        await self._put_away(uid, collected.outcome)

    async def _unknown(self, uid: int, size: int) -> None:
        if size > self.means.most_octets or self.later.too_large(uid):
            header = await self._from_field(uid)
            await self._begin(uid, self._decide(uid, self.offering.offer_too_large(header)))
            return
        share = self.means.share()
        while not share.take(size):
            if not self._in_hand:
                self._put_off(uid)
                return
            await self._finish(leaving=len(self._in_hand) - 1)
        try:
            octets = await self._fetched(uid)
        except BaseException:
            share.give_back()
            raise
        if octets is None:
            share.give_back()  # somebody else took it away
            return
        await self._begin(uid, self._decide(uid, self.offering.offer(octets), share))
        del octets

    async def _fetched(self, uid: int) -> bytes | None:
        try:
            return await self.session.fetch(uid, most_octets=self.means.most_octets)
        except ImapTooLarge:
            self.later.note_too_large(uid)
            raise

    async def _from_field(self, uid: int) -> bytes:
        return b"".join([each.header async for each in self.session.summaries([uid], fields=["From"])])

    async def _begin(self, uid: int, decision: "Callable[[], object]") -> None: ...
