r"""One look into one mailbox: how much lies in its inbox and its folder for sent messages.

Invariants: folders are opened by EXAMINE and header fields fetched by PEEK, so that no flag changes;
a message that was looked at before is not asked about again, only whether it is \Seen; what a
server claims beside the UIDs that it lists (EXISTS, UIDNEXT) is not believed, and what it does not
tell of a message, as of one that has gone meanwhile, is asked for again at the next look. A message
whose header is too long to be read is found by asking for fewer at once; it is foreign.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rorpost_gateway.imap.base import ImapFolderMissing, ImapTooLarge, ImapUnavailable, Session, Summary
from rorpost_gateway.supervision.base import Known, Now, Place, Settings
from rorpost_gateway.supervision.contents import Contents, FolderContents
from rorpost_gateway.supervision.remembered import FolderMemory, MailboxMemory
from rorpost_gateway.supervision.traces import FIELDS, trace_of

SENT = "Sent"  # where the server names no folder with the special use
MOST_MESSAGES = 1_000_000  # in a folder; more of them are nobody's function mailbox
# Some mail clients put a message into their folder before it was submitted, and so before its line.
DOUBTFUL_FOR = timedelta(days=1)
DOUBTFUL_MOST = 1000


class HeaderTooLong(ImapTooLarge):
    """Of one of the messages; the next look asks about fewer of them at once, or not about that one's."""


@dataclass(frozen=True, kw_only=True)
class Looking:
    """How every look is made."""

    settings: Settings
    known: Known
    now: Now

    async def look(self, session: Session, mailbox: str, memory: MailboxMemory) -> Contents:
        """Raises ImapError; and LogUnavailable where it cannot be asked which messages are known."""
        looked_at = datetime.fromtimestamp(self.now(), UTC)
        inbox = await self._folder(session, self.settings.inbox, mailbox, Place.INBOX, memory.inbox)
        return Contents(looked_at=looked_at, inbox=inbox, sent=await self._sent(session, mailbox, memory))

    async def _sent(self, session: Session, mailbox: str, memory: MailboxMemory) -> FolderContents | None:
        folder = self.settings.sent_folder or await session.sent_folder() or SENT
        if folder == self.settings.inbox:
            return None
        try:
            return await self._folder(session, folder, mailbox, Place.SENT, memory.sent)
        except ImapFolderMissing:
            return None

    async def _folder(
        self, session: Session, folder: str, mailbox: str, place: Place, memory: FolderMemory
    ) -> FolderContents:
        selected = await session.examine(folder)
        uids = sorted(set(await session.uids()))
        if len(uids) > MOST_MESSAGES:
            raise ImapUnavailable(f"the server lists {len(uids)} messages in one folder")
        unseen = await session.unseen()
        new = memory.recall(selected.uid_validity, uids)
        if place is Place.SENT:
            since = datetime.fromtimestamp(self.now(), UTC) - DOUBTFUL_FOR
            new = memory.foreign_since(since, most=DOUBTFUL_MOST) + new
        await self._take_in(session, new, mailbox, place, memory)
        return memory.contents(unseen)

    async def _take_in(
        self, session: Session, new: Sequence[int], mailbox: str, place: Place, memory: FolderMemory
    ) -> None:
        """Ask about messages that are not known yet, some at a time."""
        unreadable = [uid for uid in new if uid in memory.unreadable]
        if unreadable:
            await self._note(await _asked(session, unreadable, ()), mailbox, place, memory)
        readable, start = [uid for uid in new if uid not in memory.unreadable], 0
        while start < len(readable):
            group = readable[start : start + memory.at_once]
            try:
                summaries = await _asked(session, group, FIELDS)
            except ImapTooLarge as error:
                memory.too_large(group)
                raise HeaderTooLong(error.public) from error
            await self._note(summaries, mailbox, place, memory)
            start += len(group)
        memory.all_taken_in()

    async def _note(
        self, summaries: Sequence[Summary], mailbox: str, place: Place, memory: FolderMemory
    ) -> None:
        traces = [trace_of(each, mailbox=mailbox, place=place) for each in summaries]
        known = await self.known.find(traces)
        for each, is_known in zip(summaries, known, strict=True):
            memory.note(each.uid, each.arrived_at, foreign=not is_known)


async def _asked(session: Session, uids: Sequence[int], fields: Sequence[str]) -> list[Summary]:
    """What the server says of these messages, and nothing that it says of others."""
    asked = frozenset(uids)
    return [each async for each in session.summaries(uids, fields=fields) if each.uid in asked]
