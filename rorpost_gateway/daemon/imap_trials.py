"""What `rorpost check` wants of each IMAP account, by what the account is for.

Nothing is changed by it: folders are opened read-only, none is made, no flag is touched.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from rorpost_gateway.config.model import Config, ImapAccountSettings
from rorpost_gateway.imap.base import ImapFolderMissing, Session
from rorpost_gateway.supervision.looking import SENT

Look = Callable[[Session], Awaitable[list[str]]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`look` says what is wrong inside; `advise` what is only a pity."""

    where: str  # the key in the configuration
    settings: ImapAccountSettings
    mailboxes: Sequence[str | None]
    look: Sequence[Look] = ()
    advise: Sequence[Look] = ()

    @property
    def place(self) -> str:
        return f"imap {self.settings.server.name} ({self.where})"


def trials(config: Config, ours: Sequence[str]) -> Iterator[Trial]:
    """One an account; `ours` are the function mailboxes behind this gateway."""
    inbound, delivery, watch = config.inbound, config.delivery, config.supervision
    if inbound is not None:
        for index, one in enumerate(inbound.imap):
            yield Trial(
                where=f"inbound.imap[{index}]",
                settings=one.account,
                mailboxes=(None,),
                look=(_opens(one.folder), _can_move),
                advise=(_tells_of_news(inbound.poll_seconds),),
            )
    if (account := delivery.imap or delivery.sent_copy) is not None:
        folders = (_opens(delivery.imap.folder),) if delivery.imap is not None else ()
        yield Trial(where="delivery.imap", settings=account.account, mailboxes=ours, look=folders)
    if watch is not None:
        yield Trial(
            where="supervision.imap",
            settings=watch.account,
            mailboxes=ours,
            look=(_opens(watch.inbox),),
            advise=(_has_sent(watch.sent_folder),),
        )


def _opens(folder: str) -> Look:
    async def look(session: Session) -> list[str]:
        try:
            await session.examine(folder)
        except ImapFolderMissing:
            return [f"there is no folder {folder!r} that this login may open; it is never made by itself"]
        return []

    return look


async def _can_move(session: Session) -> list[str]:
    if session.capabilities & {"MOVE", "UIDPLUS"}:
        return []
    return ["the server has neither MOVE nor UIDPLUS: what was collected cannot be moved out of the way"]


def _tells_of_news(poll_seconds: float) -> Look:
    async def look(session: Session) -> list[str]:
        if "IDLE" in session.capabilities:
            return []
        return [f"the server has no IDLE: new mail is noticed every {poll_seconds:g} s only (inbound.poll)"]

    return look


def _has_sent(folder: str | None) -> Look:
    async def look(session: Session) -> list[str]:
        name = folder or await session.sent_folder() or SENT
        try:
            await session.examine(name)
        except ImapFolderMissing:
            why = "" if folder else ", and none is marked as Sent"
            return [f"there is no folder {name!r}{why}: what is left in it is not seen (sent_folder)"]
        return []

    return look
