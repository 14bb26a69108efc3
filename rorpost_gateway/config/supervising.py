"""The section `supervision`: the watch over our mailboxes, and who hears of a deadline that was missed."""

from pathlib import Path
from typing import Final

from rorpost_gateway.config.imap_accounts import read_folder, read_imap_account
from rorpost_gateway.config.model import SupervisionSettings
from rorpost_gateway.config.notifying import read_notify
from rorpost_gateway.config.reading import required_part
from rorpost_gateway.document import Findings, Section

INTERVAL_SECONDS: Final = 900.0
ESCALATE_AFTER_SECONDS: Final = 3600.0
CONNECTIONS: Final = 20
_LONGEST_SECONDS: Final = 43200.0  # half a day: the next deadline is near


def read_supervision(section: Section | None, findings: Findings, base: Path) -> SupervisionSettings | None:
    """None where it is left out, and no mailbox is watched."""
    if section is None:
        return None
    imap = required_part(section, "imap")
    account = read_imap_account(imap, findings, base, per_mailbox=True)
    inbox, sent_folder = read_folder(imap, "folder", "INBOX"), read_folder(imap, "sent_folder", None)
    if inbox == sent_folder:
        imap.complain("sent_folder", "is the folder that is watched as the inbox")
    imap.finish()
    settings = SupervisionSettings(
        account=account,
        inbox=inbox,
        sent_folder=sent_folder,
        interval_seconds=_time(section, "interval", INTERVAL_SECONDS, least=1.0),
        grace_seconds=_time(section, "grace", 0.0),
        escalate_after_seconds=_time(section, "escalate_after", ESCALATE_AFTER_SECONDS),
        connections=section.integer("connections", CONNECTIONS, least=1, most=500),
        notify=read_notify(section.section("notify"), findings, base),
    )
    section.finish()
    return settings


def _time(section: Section, key: str, default: float, *, least: float = 0.0) -> float:
    seconds = section.duration(key, default)
    if not least <= seconds <= _LONGEST_SECONDS:
        section.complain(key, f"must be from {least:g}s to 12h")
    return seconds
