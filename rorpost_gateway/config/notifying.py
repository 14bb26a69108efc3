"""Who takes mail that the gateway itself writes to people, and from which address it is: `smtp`, `from`."""

from pathlib import Path

from rorpost_gateway.address import parse_address
from rorpost_gateway.config.mail_servers import read_mail_server
from rorpost_gateway.config.model import NotifySettings
from rorpost_gateway.config.reading import required_part
from rorpost_gateway.document import Findings, Section
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.smtp_client.base import MailProtocol


def read_notify(section: Section | None, findings: Findings, base: Path) -> NotifySettings | None:
    """None where it is left out."""
    if section is None:
        return None
    smtp = required_part(section, "smtp")
    server = read_mail_server(smtp, base, findings, MailProtocol.SMTP)
    smtp.finish()
    sender = section.text("from")
    try:
        sender = parse_address(sender)
    except AddressMalformed as error:
        if sender:  # what is missing was told
            section.complain("from", f"is no address: {error.public}")
    section.finish()
    return NotifySettings(server=server, sender=sender)
