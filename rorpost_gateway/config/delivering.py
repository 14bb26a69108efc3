"""The section `delivery`: where opened mail and notices for our own mailboxes go, and copies of sent mail.

Opened mail is plain text. So, unlike sealed mail to a partner, it crosses a network
only to a server whose certificate is verified; clear text stays on this machine.
"""

from pathlib import Path
from typing import Final

from rorpost_gateway.config.imap_accounts import read_folder, read_imap_account
from rorpost_gateway.config.mail_servers import read_mail_server
from rorpost_gateway.config.model import (
    DeliveryMethod,
    DeliverySettings,
    ImapDelivery,
    MailServer,
    SentCopySettings,
    ShowPerson,
)
from rorpost_gateway.config.reading import part, word
from rorpost_gateway.document import Findings, Section
from rorpost_gateway.smtp_client.base import MailProtocol

_SERVERS: Final = {DeliveryMethod.LMTP: MailProtocol.LMTP, DeliveryMethod.SMTP: MailProtocol.SMTP}
_SENT_COPIES: Final = ("none", "imap")


def read_delivery(section: Section, findings: Findings, base: Path) -> DeliverySettings:
    method = word(section, "method", DeliveryMethod.MAILDIR)
    with_copies = section.choice("sent_copy", _SENT_COPIES, "none") == "imap"
    for other in DeliveryMethod:
        if other is not method and section.has(other) and not (other is DeliveryMethod.IMAP and with_copies):
            section.complain(other, f"is given, but delivery.method is {method}")
        section.value(other, None)
    imap, copies = None, None
    if method is DeliveryMethod.IMAP or with_copies:
        imap, copies = _imap(part(section, "imap", findings), findings, base, with_copies=with_copies)
    settings = DeliverySettings(
        where=imap if method is DeliveryMethod.IMAP and imap else _where(section, method, findings, base),
        show_person=word(section, "show_person", ShowPerson.AUTHOR),
        sent_copy=copies,
    )
    section.finish()
    return settings


def _where(section: Section, method: DeliveryMethod, findings: Findings, base: Path) -> Path | MailServer:
    own = part(section, method, findings)
    protocol = _SERVERS.get(method)
    where = (
        (base / own.text("root", "../mail")).resolve()
        if protocol is None
        else read_mail_server(own, base, findings, protocol)
    )
    own.finish()
    return where


def _imap(
    section: Section, findings: Findings, base: Path, *, with_copies: bool
) -> tuple[ImapDelivery, SentCopySettings | None]:
    account = read_imap_account(section, findings, base, per_mailbox=True)
    folder, sent_folder = read_folder(section, "folder", "INBOX"), read_folder(section, "sent_folder", None)
    if sent_folder is not None and not with_copies:
        section.complain("sent_folder", "is looked at with delivery.sent_copy imap only")
    elif sent_folder is not None and sent_folder == folder:
        section.complain("sent_folder", "is the folder that mail is delivered to")
    section.finish()
    copies = SentCopySettings(account=account, folder=sent_folder) if with_copies else None
    return ImapDelivery(account=account, folder=folder), copies
