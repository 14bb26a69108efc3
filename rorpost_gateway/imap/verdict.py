"""What comes of a command that was not answered OK. Nothing a server wrote for people is repeated."""

from typing import NoReturn

from rorpost_gateway.imap.answers import Status
from rorpost_gateway.imap.base import ImapRefused, ImapUnavailable
from rorpost_gateway.imap.protocol import ImapProtocol


def accepted(protocol: ImapProtocol, command: str, status: Status) -> None:
    """Raises ImapRefused where it was not."""
    if not status.ok:
        refuse(protocol, command, status)


def refuse(protocol: ImapProtocol, command: str, status: Status) -> NoReturn:
    """Raises ImapRefused."""
    why = f" ({status.code})" if status.code else ""
    text = f"{protocol.name}: {command} was answered {status.status}{why}"
    raise ImapRefused(text, code=status.code)


def not_understood(protocol: ImapProtocol) -> ImapUnavailable:
    """The error, and the end of the connection."""
    fault = ImapUnavailable(f"{protocol.name}: the server's answer cannot be understood")
    protocol.end(fault)
    return fault
