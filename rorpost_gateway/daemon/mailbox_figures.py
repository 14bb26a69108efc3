"""The watched mailboxes as figures for a scrape, and as data for whoever asks by the control socket."""

from typing import Any

from rorpost_gateway.control.mailbox_verbs import NotWatched
from rorpost_gateway.daemon.supervising import Supervising
from rorpost_gateway.metrics.snapshot import FolderFigures, MailboxFigures
from rorpost_gateway.supervision.base import Place
from rorpost_gateway.supervision.contents import FolderContents
from rorpost_gateway.supervision.standing import Standing


def mailbox_figures(supervising: Supervising | None) -> tuple[MailboxFigures, ...]:
    """None of them where nothing is watched."""
    return () if supervising is None else tuple(map(_figures, supervising.watch.standings))


def mailbox_data(supervising: Supervising | None) -> list[dict[str, Any]]:
    """See `Standing.as_data`. Raises NotWatched."""
    if supervising is None:
        raise NotWatched("no mailbox is watched: the configuration has no supervision")
    return [standing.as_data() for standing in supervising.watch.standings]


def _figures(standing: Standing) -> MailboxFigures:
    contents = standing.contents
    folders = {Place.INBOX: contents.inbox, Place.SENT: contents.sent} if contents else {}
    return MailboxFigures(
        mailbox=standing.watched.address,
        up=None if standing.look is None else standing.is_up,
        looked_at=contents.looked_at.timestamp() if contents else None,
        unread=contents.inbox.unread if contents else None,
        foreign=contents.foreign if contents else None,
        folders={place.value: _folder(each) for place, each in folders.items() if each is not None},
    )


def _folder(contents: FolderContents) -> FolderFigures:
    oldest_at = contents.oldest_at.timestamp() if contents.oldest_at else None
    return FolderFigures(messages=contents.messages, oldest_at=oldest_at)
