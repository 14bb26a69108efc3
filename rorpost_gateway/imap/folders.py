"""Folders on one connection: their names, opening them, making them, the one for sent mail.

RFC 3501, sections 6.3.1 to 6.3.10 and 7.2; RFC 2342 (namespaces); RFC 6154 (special use).
"""

import re
from typing import NoReturn

from aioimaplib.aioimaplib import quoted

from rorpost_gateway.imap.answers import Listed, Status, Untagged, listed, personal_namespace
from rorpost_gateway.imap.base import ImapFolderMissing, Selected
from rorpost_gateway.imap.names import INBOX, Naming, decode_name, encode_name
from rorpost_gateway.imap.protocol import AUTH, LONG, SELECTED, ImapProtocol
from rorpost_gateway.imap.tokens import Unreadable
from rorpost_gateway.imap.verdict import accepted, not_understood, refuse

_FOR_A_WHILE = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"})
_NO_FOLDER = frozenset({"\\noselect", "\\nonexistent"})


class Folders:
    """Asks the server once how it names folders."""

    def __init__(self, protocol: ImapProtocol) -> None:
        self._protocol = protocol
        self._naming: Naming | None = None

    async def mailbox(self, folder: str) -> str:
        """The name as it stands in a command."""
        if folder.upper() == INBOX:
            return INBOX
        return str(quoted(encode_name((await self._names()).of_server(folder))))

    async def open(self, command: str, folder: str) -> Selected:
        """`command` is EXAMINE or SELECT. Raises ImapFolderMissing."""
        mailbox = await self.mailbox(folder)
        heard: list[Untagged] = []
        status = await self._protocol.command(command, mailbox, take=heard.append, patience=LONG)
        if not status.ok:
            # Whatever was open before is not open any more (RFC 3501, section 6.3.1).
            self._protocol.state = AUTH
            self._not_opened(command, status)
        self._protocol.state = SELECTED
        return self._opened(folder, heard, read_only=command == "EXAMINE", status=status)

    def _not_opened(self, command: str, status: Status) -> NoReturn:
        if status.code in _FOR_A_WHILE or status.status == "BAD":
            refuse(self._protocol, command, status)
        raise ImapFolderMissing(f"{self._protocol.name}: the folder is not there, or may not be opened")

    def _opened(self, folder: str, heard: list[Untagged], *, read_only: bool, status: Status) -> Selected:
        exists = [each.number for each in heard if each.kind == "EXISTS" and each.number is not None]
        validity, following = _code_number(heard, "UIDVALIDITY"), _code_number(heard, "UIDNEXT")
        if not exists or not validity:
            raise not_understood(self._protocol)
        return Selected(
            name=folder,
            exists=exists[-1],
            uid_validity=validity,
            uid_next=following,
            read_only=read_only or status.code == "READ-ONLY",
        )

    async def ensure(self, folder: str) -> None:
        """Create it where it is missing. Raises ImapRefused."""
        mailbox = await self.mailbox(folder)
        if await self._is_there(mailbox):
            return
        status = await self._protocol.command("CREATE", mailbox, patience=LONG)
        if status.ok:
            # So that mail clients that show subscribed folders only show it. No matter if not.
            await self._protocol.command("SUBSCRIBE", mailbox)
        elif not await self._is_there(mailbox):
            refuse(self._protocol, "CREATE", status)

    async def _is_there(self, mailbox: str) -> bool:
        return (await self._protocol.command("STATUS", mailbox, "(UIDVALIDITY)")).ok

    async def sent(self) -> str | None:
        """See `base.Session.sent_folder`."""
        naming = await self._names()
        extended = self._protocol.has("SPECIAL-USE") and self._protocol.has("LIST-EXTENDED")
        for each in await self._list(*(["(SPECIAL-USE)"] if extended else []), '""', '"*"'):
            if "\\sent" in each.attributes and not each.attributes & _NO_FOLDER:
                return naming.plain(self._decoded(each.name))
        return None

    async def _list(self, *words: str) -> list[Listed]:
        found: list[Listed] = []

        def take(heard: Untagged) -> None:
            if heard.kind == "LIST":
                found.append(listed(heard))

        status = await self._protocol.command("LIST", *words, take=take, patience=LONG)
        accepted(self._protocol, "LIST", status)
        return found

    async def _names(self) -> Naming:
        if self._naming is None:
            space = await self._namespace()
            if space is None:
                roots = await self._list('""', '""')
                self._naming = Naming(separator=roots[0].separator if roots else "/")
            else:
                self._naming = Naming(prefix=self._decoded(space[0]), separator=space[1])
        return self._naming

    async def _namespace(self) -> tuple[bytes, str] | None:
        found: list[tuple[bytes, str] | None] = []

        def take(heard: Untagged) -> None:
            if heard.kind == "NAMESPACE":
                found.append(personal_namespace(heard))

        if self._protocol.has("NAMESPACE"):
            await self._protocol.command("NAMESPACE", take=take)
        return found[0] if found else None

    def _decoded(self, name: bytes) -> str:
        try:
            return decode_name(name)
        except Unreadable:
            raise not_understood(self._protocol) from None


def _code_number(heard: list[Untagged], code: str) -> int | None:
    said = [each.status.rest for each in heard if each.status is not None and each.status.code == code]
    return int(said[-1]) if said and re.fullmatch(r"[0-9]{1,10}", said[-1]) else None
