"""Messages of the open folder: finding, reading and moving them; and putting one into a folder.

Invariants: what is read is read by PEEK, so that no flag changes; nothing is ever expunged but by
its UID; at most 200 UIDs stand in a command; header fields are cut by the server at their bound,
so that one message with an endless field does not hide the others.

RFC 3501, section 6.4; RFC 4315 (UIDPLUS); RFC 4731 (ESEARCH); RFC 6851 (MOVE).
"""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

from aioimaplib.aioimaplib import quoted, time2internaldate

from rorpost_gateway.imap.answers import (
    MONTHS,
    WHOLE,
    Untagged,
    fetched,
    found_uids,
    number_of,
    summary,
)
from rorpost_gateway.imap.base import ImapRefused, Summary
from rorpost_gateway.imap.framing import Bounds
from rorpost_gateway.imap.protocol import LONG, ImapProtocol
from rorpost_gateway.imap.tokens import Unreadable, Word
from rorpost_gateway.imap.uid_sets import HIGHEST_UID, MOST_UIDS, batches, uid_set
from rorpost_gateway.imap.verdict import accepted, not_understood

SEARCH_BOUNDS = Bounds(octets=16 * 1024 * 1024)
SPARE_OCTETS = 4096  # of a FETCH response, around its literals
_UID = "UID "
_FLAG = re.compile(r"\\?[A-Za-z0-9$_.-]{1,64}")
_FIELD = re.compile(r"[A-Za-z0-9!#$&'+.^_`|~-]{1,100}")
_ASCII = re.compile(r"[\x20-\x7e]*")


class Messages:
    """`most_header_octets` bounds the header fields of one message."""

    def __init__(self, protocol: ImapProtocol, *, most_header_octets: int) -> None:
        self._protocol = protocol
        self._most_header_octets = most_header_octets

    async def after(self, uid: int) -> Sequence[int]:
        """UIDs greater than this one, ascending."""
        if uid >= HIGHEST_UID:
            return []
        # `7:*` names the last message even where its UID is less than 7.
        return [each for each in await self._search("UID", f"{uid + 1}:*") if each > uid]

    async def unseen(self) -> Sequence[int]:
        return await self._search("UNSEEN")

    async def with_header(self, field_name: str, text: str, since: date | None) -> Sequence[int]:
        """See `base.Session.find_header`."""
        if not _FIELD.fullmatch(field_name):
            raise ImapRefused(f"{self._protocol.name}: no header field has such a name")
        arrived = [] if since is None else ["SINCE", f"{since.day}-{MONTHS[since.month - 1]}-{since.year:04}"]
        if _ASCII.fullmatch(text):
            return await self._search(*arrived, "HEADER", field_name, quoted(text))
        octets = text.encode("utf-8", "replace")
        return await self._search("CHARSET", "UTF-8", *arrived, "HEADER", field_name, octets)

    async def _search(self, *criteria: str | bytes) -> list[int]:
        found: set[int] = set()

        def take(heard: Untagged) -> None:
            if heard.kind in {"SEARCH", "ESEARCH"}:
                found.update(found_uids(heard))
                if len(found) > MOST_UIDS:
                    raise Unreadable

        more = ("RETURN", "(ALL)") if self._protocol.has("ESEARCH") else ()
        status = await self._protocol.command(
            "SEARCH", *more, *criteria, prefix=_UID, take=take, bounds=SEARCH_BOUNDS, patience=LONG
        )
        accepted(self._protocol, "SEARCH", status)
        return sorted(found)

    async def summaries(self, uids: Sequence[int], fields: Sequence[str]) -> AsyncIterator[Summary]:
        """See `base.Session.summaries`."""
        if not all(_FIELD.fullmatch(field) for field in fields):
            raise ImapRefused(f"{self._protocol.name}: no header field has such a name")
        items = "UID FLAGS INTERNALDATE RFC822.SIZE"
        if fields:
            items += f" BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})]<0.{self._most_header_octets}>"
        header_octets = self._most_header_octets if fields else 0
        for batch in batches(uids):
            most = len(batch) * (header_octets + SPARE_OCTETS) + Bounds().octets
            bounds = Bounds(octets=most, literal_octets=header_octets)
            messages = await self._fetch(batch, f"({items})", bounds)
            for uid in batch:
                if (found := messages.get(uid)) is not None:
                    yield self._summary(found, with_header=bool(fields))

    def _summary(self, items: dict[bytes, Word], *, with_header: bool) -> Summary:
        try:
            return summary(items, with_header=with_header)
        except Unreadable:
            raise not_understood(self._protocol) from None

    async def whole(self, uid: int, most_octets: int) -> bytes | None:
        """See `base.Session.fetch`."""
        bounds = Bounds(octets=most_octets + Bounds().octets, literal_octets=most_octets)
        told = (await self._fetch([uid], "(UID BODY.PEEK[])", bounds)).get(uid, {})
        octets = told.get(WHOLE)
        if isinstance(octets, tuple):
            raise not_understood(self._protocol)
        return octets

    async def _fetch(self, uids: Sequence[int], items: str, bounds: Bounds) -> dict[int, dict[bytes, Word]]:
        """Items by UID. What a server says of others, or in several pieces, is put where it belongs."""
        asked = frozenset(uids)
        found: dict[int, dict[bytes, Word]] = {}

        def take(heard: Untagged) -> None:
            if heard.kind != "FETCH":
                return
            told = fetched(heard)
            if b"UID" in told and (uid := number_of(told[b"UID"])) in asked:
                found.setdefault(uid, {}).update(told)

        status = await self._protocol.command(
            "FETCH", uid_set(uids), items, prefix=_UID, take=take, bounds=bounds
        )
        if status.code != "EXPUNGEISSUED":  # RFC 5530: some of them have gone
            accepted(self._protocol, "FETCH", status)
        return found

    async def move(self, uids: int | Sequence[int], mailbox: str) -> None:
        """See `base.Session.move`; `mailbox` as it stands in a command."""
        which = uid_set([uids] if isinstance(uids, int) else uids)
        if self._protocol.has("MOVE"):
            await self._change("MOVE", which, mailbox)
        elif self._protocol.has("UIDPLUS"):
            await self._change("COPY", which, mailbox)
            await self._change("STORE", which, "+FLAGS.SILENT", r"(\Deleted)")
            await self._change("EXPUNGE", which)
        else:
            raise ImapRefused(f"{self._protocol.name}: the server has neither MOVE nor UIDPLUS")

    async def _change(self, command: str, *words: str) -> None:
        status = await self._protocol.command(command, *words, prefix=_UID, patience=LONG)
        accepted(self._protocol, command, status)

    async def append(
        self, mailbox: str, octets: bytes, flags: Sequence[str], arrived_at: datetime | None
    ) -> int | None:
        """See `base.Session.append`; `mailbox` as it stands in a command."""
        if not all(_FLAG.fullmatch(flag) for flag in flags):
            raise ImapRefused(f"{self._protocol.name}: no flag has such a name")
        words = [mailbox]
        words += [f"({' '.join(flags)})"] if flags else []
        words += [time2internaldate(arrived_at)] if arrived_at is not None else []
        status = await self._protocol.command("APPEND", *words, octets, patience=LONG)
        accepted(self._protocol, "APPEND", status)
        uid = status.rest.partition(" ")[2] if status.code == "APPENDUID" else ""
        return int(uid) if re.fullmatch(r"[0-9]{1,10}", uid) else None
