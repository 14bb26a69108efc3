"""From a fetched message to its row in the journal: decided, noted, counted; who is to hear of it hears."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from rorpost_gateway.collecting.base import Journal, Refused, Share, Source, Tells
from rorpost_gateway.collecting.figures import Counted, Figures
from rorpost_gateway.collecting.offering import Answer, Offering
from rorpost_gateway.queue.base import CollectedAs, CollectedFrom

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Means:
    """What deciding needs beside the way in. `now` is seconds since the epoch."""

    journal: Journal
    tells: Tells
    share: Callable[[], Share]
    most_octets: int  # of a message, sealed
    now: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """For one folder, under one UIDVALIDITY."""

    source: Source
    uid_validity: int
    offering: Offering
    means: Means
    figures: Figures

    def where(self, uid: int) -> CollectedFrom:
        return CollectedFrom(account=self.source.name, uid_validity=self.uid_validity, uid=uid)

    async def message(self, uid: int, octets: bytes, share: Share) -> Answer:
        """Decide a whole message; `share` is given back. Raises QueueUnavailable where it cannot be noted."""
        try:
            answer = await self.offering.offer(octets)
        finally:
            share.give_back()
        return await self._noted(uid, answer)

    async def too_large(self, uid: int, header: bytes) -> Answer:
        """Refuse what is not fetched. Raises QueueUnavailable where it cannot be noted."""
        return await self._noted(uid, await self.offering.offer_too_large(header))

    async def _noted(self, uid: int, answer: Answer) -> Answer:
        if answer.outcome is not None:
            sender = answer.true_sender
            first = await self.means.journal.note_collected(
                self.where(uid),
                answer.outcome,
                now=self.means.now(),
                to_tell=sender.digest if sender else None,
            )
            if first:
                self._tell(answer)
        self._count(uid, answer)
        return answer

    def _tell(self, answer: Answer) -> None:
        if answer.true_sender is not None and answer.reply is not None:
            refused = Refused(
                sender=answer.true_sender,
                recipient=self.source.recipient,
                reply=answer.reply,
                at=self.means.now(),
            )
            self.means.tells.tell(refused)

    def _count(self, uid: int, answer: Answer) -> None:
        counted = _counted(answer)
        self.figures.count(counted)
        reason = answer.reply.reason if answer.reply is not None else None
        log.info("collected", account=self.source.name, uid=uid, outcome=counted, reason=reason)


def _counted(answer: Answer) -> Counted:
    if answer.outcome is None:
        return Counted.DEFERRED
    if answer.outcome is CollectedAs.REFUSED:
        return Counted.REFUSED
    return Counted.DUPLICATE if answer.duplicate else Counted.TAKEN
