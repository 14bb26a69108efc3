"""One round through an open folder: fetch, decide, note, move.

Invariants, for each message: it is moved only when the journal says what was decided, and the
journal says so only when the decision is durable. Whatever is cut off between two of these
steps is taken up again by the next round: what the journal knows is only moved; what it does
not know is offered again, and the way in knows a seal that it has taken. Nothing is deleted
and no flag is changed.

The session is used by this task alone; several messages are decided meanwhile.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from rorpost_gateway.collecting.base import FOLDERS
from rorpost_gateway.collecting.deciding import Deciding
from rorpost_gateway.collecting.later import Later
from rorpost_gateway.collecting.offering import Answer
from rorpost_gateway.imap.base import ImapError, ImapRefused, ImapTooLarge, Session
from rorpost_gateway.queue.base import Collected, CollectedAs

BATCH = 200
IN_HAND = 8  # messages being decided at a time
MOVED_AT_A_TIME = 20
PATIENCE = 5  # so many put off in a row, and the trouble is the gateway's own: the rest waits too
_NOTED_AGAIN_SECONDS = 86_400.0  # the journal forgets; what lies there still is noted again before


@dataclass(kw_only=True)
class Round:
    """`work` once. `ensured` are folders known to be there, for the session's life.

    After it `settled` is how many messages were decided for good, `whole` whether nothing was put off,
    and `not_moved` why some could not be moved.
    """

    session: Session
    deciding: Deciding
    later: Later
    ensured: set[str]
    settled: int = 0
    whole: bool = True
    not_moved: list[ImapRefused] = field(default_factory=list)
    _in_hand: deque[tuple[int, asyncio.Task[Answer]]] = field(default_factory=deque)
    _to_move: dict[CollectedAs, list[int]] = field(default_factory=dict)
    _moves_refused: Counter[CollectedAs] = field(default_factory=Counter)
    _put_off_in_a_row: int = 0

    async def work(self) -> None:
        """Raises ImapError, QueueUnavailable. What was being decided is decided and noted all the same."""
        present = await self.session.uids()
        self.later.keep(present)
        due = [uid for uid in present if self.later.due(uid)]
        self.whole = len(due) == len(present)
        try:
            at_once = min(BATCH, self.later.at_once)
            for start in range(0, len(due), at_once):
                await self._batch(due[start : start + at_once])
            self.later.all_told()
            await self._finish(leaving=0)
            await self._move_the_rest()
        finally:
            await self._see_decided()

    async def _see_decided(self) -> None:
        """At an end before the end: what is in hand is decided and noted; the next round moves it."""
        if self._in_hand:
            await asyncio.gather(*(task for _, task in self._in_hand), return_exceptions=True)

    async def _batch(self, uids: Sequence[int]) -> None:
        if self._out_of_patience:
            return
        deciding = self.deciding
        known = await deciding.means.journal.find_collected(deciding.source.name, deciding.uid_validity, uids)
        sizes = await self._sizes([uid for uid in uids if uid not in known])
        for uid in uids:
            if uid in known:
                await self._known(uid, known[uid])
            elif uid not in sizes:
                self._put_off(uid)  # gone, it seems; the next round sees
            elif not self._out_of_patience:
                await self._unknown(uid, sizes[uid])

    @property
    def _out_of_patience(self) -> bool:
        return self._put_off_in_a_row >= PATIENCE

    async def _sizes(self, uids: Sequence[int]) -> Mapping[int, int]:
        try:
            return {each.uid: each.size async for each in self.session.summaries(uids)} if uids else {}
        except ImapError:
            self.later.not_told(uids)
            raise

    async def _known(self, uid: int, collected: Collected) -> None:
        """Decided before: an earlier round did not come to move it."""
        now = self.deciding.means.now()
        if not 0 <= now - collected.noted_at < _NOTED_AGAIN_SECONDS:
            where = self.deciding.where(uid)
            await self.deciding.means.journal.note_collected(where, collected.outcome, now=now)
        await self._put_away(uid, collected.outcome)

    async def _unknown(self, uid: int, size: int) -> None:
        means = self.deciding.means
        if size > means.most_octets or self.later.too_large(uid):
            await self._begin(uid, self.deciding.too_large(uid, await self._from(uid)))
            return
        share = means.share()
        while not share.take(size):
            if not self._in_hand:
                self._put_off(uid)
                return
            await self._finish(leaving=len(self._in_hand) - 1)
        octets = None
        try:
            octets = await self._fetched(uid)
        finally:
            if octets is None:  # it failed, or somebody else took the message away
                share.give_back()
        if octets is None:
            self._put_off(uid)
            return
        while len(octets) > size and not share.take(len(octets) - size):  # servers tell sizes by guess
            if not self._in_hand:
                share.give_back()
                self._put_off(uid)
                return
            await self._finish(leaving=len(self._in_hand) - 1)
        await self._begin(uid, self.deciding.message(uid, octets, share))

    async def _begin(self, uid: int, decision: Coroutine[None, None, Answer]) -> None:
        self._in_hand.append((uid, asyncio.create_task(decision)))
        await self._finish(leaving=IN_HAND - 1)

    async def _fetched(self, uid: int) -> bytes | None:
        try:
            return await self.session.fetch(uid, most_octets=self.deciding.means.most_octets)
        except ImapTooLarge:
            self.later.note_too_large(uid)
            raise
        except ImapError:
            self.later.put_off(uid)  # should this one be the cause, it does not keep the others
            raise

    async def _from(self, uid: int) -> bytes:
        try:
            return b"".join([each.header async for each in self.session.summaries([uid], fields=["From"])])
        except ImapError:
            self.later.put_off(uid)
            raise

    async def _finish(self, *, leaving: int) -> None:
        """Wait for the oldest in hand, until no more than so many are left, and put them away."""
        while len(self._in_hand) > leaving:
            uid, task = self._in_hand[0]
            try:
                answer = await asyncio.shield(task)
            finally:
                if task.done():
                    self._in_hand.popleft()
            if answer.outcome is None:
                self._put_off(uid)
                self._put_off_in_a_row += 1
            else:
                self._put_off_in_a_row = 0
                await self._put_away(uid, answer.outcome)

    def _put_off(self, uid: int) -> None:
        self.whole = False
        self.later.put_off(uid)

    async def _put_away(self, uid: int, outcome: CollectedAs) -> None:
        """Out of the folder, to where a person would look for it: with its like, or at the round's end."""
        self.settled += 1
        # What could not be moved before is moved by itself: should it be the cause, it keeps no others.
        if self.later.was_put_off(uid):
            await self._move_away([uid], outcome)
            return
        waiting = self._to_move.setdefault(outcome, [])
        waiting.append(uid)
        if len(waiting) >= MOVED_AT_A_TIME:
            await self._move_away(self._to_move.pop(outcome), outcome)

    async def _move_the_rest(self) -> None:
        for outcome, uids in self._to_move.items():
            await self._move_away(uids, outcome)
        self._to_move.clear()

    async def _move_away(self, uids: Sequence[int], outcome: CollectedAs) -> None:
        if self._moves_refused[outcome] >= PATIENCE:  # a mailbox over quota takes none of the others either
            self._stay(uids, self.not_moved[-1])
            return
        try:
            await self._move(uids, FOLDERS[outcome])
        except ImapRefused as error:
            if len(uids) > 1 and self._moves_refused[outcome] < PATIENCE:
                for start in range(len(uids)):
                    await self._move_away(uids[start : start + 1], outcome)
                return
            self._moves_refused[outcome] += 1
            self._stay(uids, error)
        except ImapError:
            for uid in uids:
                self._put_off(uid)
            raise
        else:
            for uid in uids:
                self.later.settled(uid)

    def _stay(self, uids: Sequence[int], error: ImapRefused) -> None:
        for uid in uids:
            self._put_off(uid)
            self.not_moved.append(error)

    async def _move(self, uids: Sequence[int], folder: str) -> None:
        await self._ensure(folder)
        try:
            await self.session.move(uids, folder)
        except ImapRefused as refused:
            if refused.code != "TRYCREATE":
                raise
            self.ensured.discard(folder)  # somebody removed it
            await self._ensure(folder)
            await self.session.move(uids, folder)

    async def _ensure(self, folder: str) -> None:
        if folder not in self.ensured:
            await self.session.ensure_folder(folder)
            self.ensured.add(folder)
