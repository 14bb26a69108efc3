"""Folders that two parts of the gateway must not share.

What is collected leaves its folder. If opened mail, or the copy of what was sent, came into a folder
that is collected, it would be taken for sealed mail, refused, and moved out of its readers' sight;
if supervision watched one, it would watch what nobody reads.

Two logins mean the same mailbox where they name it on the same server.
"""

import re
from collections.abc import Iterator
from typing import Final

from rorpost_gateway.config.imap_model import MAILBOX
from rorpost_gateway.config.model import CollectSettings, Config, ImapAccountSettings
from rorpost_gateway.config.reading import is_loopback
from rorpost_gateway.imap.base import Server

_USUAL_PORTS: Final = frozenset({143, 993})
_USUAL_SENT: Final = "Sent"
_UNIT: Final = r"rorpost\.[a-z0-9.-]+"


def overlaps(config: Config) -> Iterator[tuple[int, str]]:
    """The index in `inbound.imap` and what is wrong with that entry's folder."""
    collected = config.inbound.imap if config.inbound is not None else ()
    uses = tuple(_uses(config))
    for index, one in enumerate(collected):
        for account, folder, what in uses:
            if folder == one.folder and _same_mailbox(one, account, config.domains):
                yield index, what
                break


def _uses(config: Config) -> Iterator[tuple[ImapAccountSettings, str, str]]:
    """Each folder of ours that must not be collected, with what to say of it."""
    again = "what comes there would be collected again; use different folders"
    if config.delivery.imap is not None:
        where = config.delivery.imap
        yield where.account, where.folder, f"is the folder that delivery.imap delivers to: {again}"
    if config.delivery.sent_copy is not None:
        copies = config.delivery.sent_copy
        text = f"is the folder that copies of sent mail come to: {again}"
        yield copies.account, copies.folder or _USUAL_SENT, text
    if config.supervision is not None:
        watch = config.supervision
        text = (
            "is the folder that supervision watches: sealed mail is collected from it, and read where it is "
            "delivered; let supervision.imap.folder name that one"
        )
        yield watch.account, watch.inbox, text


def _same_mailbox(one: CollectSettings, other: ImapAccountSettings, domains: frozenset[str]) -> bool:
    if _server(one.account.server) != _server(other.server):
        return False
    ours = rf"{_UNIT}@(?:{'|'.join(re.escape(domain) for domain in sorted(domains))})"
    name = re.escape(mailbox_of(other.username)).replace(re.escape(MAILBOX), ours)
    return re.fullmatch(name, mailbox_of(one.account.username)) is not None


def mailbox_of(username: str) -> str:
    """The mailbox that a login is for, in lower case: what stands in front of a master user's asterisk."""
    return username.lower().partition("*")[0]


def _server(server: Server) -> tuple[str, int]:
    """143 and 993 are one server's two doors."""
    host = "localhost" if is_loopback(server.host) else server.host.lower()
    return host, 0 if server.port in _USUAL_PORTS else server.port
