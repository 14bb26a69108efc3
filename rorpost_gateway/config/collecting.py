"""The keys `inbound.imap` and `inbound.poll`: mailboxes elsewhere that sealed mail is collected from."""

from pathlib import Path
from typing import Final

from rorpost_gateway.address import domain_of, is_function_mailbox
from rorpost_gateway.config.imap_accounts import read_folder, read_imap_account
from rorpost_gateway.config.model import CollectSettings
from rorpost_gateway.document import Findings, Section

DEFAULT_POLL_SECONDS: Final = 60.0
MOST_FOLDERS: Final = 1000
_OURS: Final = "rorpost/"  # what was collected and what was refused lie below it


def read_collecting(
    section: Section, findings: Findings, base: Path, domains: frozenset[str]
) -> tuple[CollectSettings, ...]:
    """Nothing where the key is left out."""
    found: list[CollectSettings] = []
    names: set[str] = set()
    for entry in section.sections("imap"):
        settings = _entry(entry, findings, base, domains)
        if settings.name.lower() in names:
            entry.complain(None, "stands twice: the same server, username and folder")
        names.add(settings.name.lower())
        found.append(settings)
        entry.finish()
    if len(found) > MOST_FOLDERS:
        section.complain("imap", f"must name at most {MOST_FOLDERS} folders")
    return tuple(found)


def read_poll(section: Section) -> float:
    poll_seconds = section.duration("poll", DEFAULT_POLL_SECONDS)
    if not 1 <= poll_seconds <= 86400:
        section.complain("poll", "must be from 1s to 1d")
    return poll_seconds


def _entry(section: Section, findings: Findings, base: Path, domains: frozenset[str]) -> CollectSettings:
    account = read_imap_account(section, findings, base, per_mailbox=False)
    folder = read_folder(section, "folder", "INBOX")
    if folder.lower().startswith(_OURS):
        section.complain("folder", "is one that collected mail is moved to")
    recipient = section.text("recipient")
    if recipient and not is_function_mailbox(recipient):
        section.complain("recipient", "is no function mailbox: rorpost.UNIT@DOMAIN")
    elif recipient and domain_of(recipient.lower()) not in domains:
        section.complain("recipient", "must be a mailbox behind this gateway: its domain is not in `domains`")
    return CollectSettings(account=account, folder=folder, recipient=recipient.lower())
