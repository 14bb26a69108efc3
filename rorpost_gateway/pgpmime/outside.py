"""What stands outside the seal: the only fields a stranger on the way may read.

Invariant: one function, `header_fields_outside`, says what stands outside, both for
the outer message and for the HP-Outer fields under the seal, so they cannot differ.
Nothing the client wrote goes through it but two addresses and an instant. RFC 9788,
section 2.2 (HP-Outer) and 3 (header confidentiality); RFC 5322, section 3.6.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from rorpost_gateway.address import domain_of, parse_address
from rorpost_gateway.errors import AddressMalformed, SealingFailed
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.date_time import format_date, read_date
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.message.header import malformed, read_fields

SUBJECT = "[...]"
_MESSAGE_ID = re.compile(r"<[0-9a-f]{32}@[A-Za-z0-9.-]{1,255}>", re.ASCII)
_ANY_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,990}>")
_ATOM = re.compile(r"[A-Za-z0-9._:-]{1,255}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Outer:
    """The outside of one copy. Checked when it is made: raises SealingFailed.

    `author` is the sending function mailbox, `recipient` this copy's only one;
    `date` is the message's, or when it was received where it has none. `hostname` is
    this gateway's, `received_at` when it took the message. Both instants carry an offset.
    """

    author: str
    recipient: str
    date: datetime
    message_id: str  # from `new_message_id`
    hostname: str
    queue_id: str
    received_at: datetime

    def __post_init__(self) -> None:
        try:
            parse_address(self.author)
            parse_address(self.recipient)
        except AddressMalformed:
            raise SealingFailed("sealing failed", private="outer address malformed") from None
        if self.date.tzinfo is None or self.received_at.tzinfo is None:
            raise SealingFailed("sealing failed", private="outer date without an offset")
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise SealingFailed("sealing failed", private="outer message id malformed")
        if not _ATOM.fullmatch(self.hostname) or not _ATOM.fullmatch(self.queue_id):
            raise SealingFailed("sealing failed", private="host name or queue id malformed")


@dataclass(frozen=True, kw_only=True)
class OuterFields:
    """What a stored outer message says of itself; addresses bare and lower case."""

    author: str
    recipient: str
    date: datetime
    message_id: str


def new_message_id(mailbox: str) -> str:
    """128 random bits at the domain of the sending mailbox, in angle brackets."""
    return f"<{secrets.token_hex(16)}@{domain_of(mailbox)}>"


@lru_cache(maxsize=16)  # asked for what stands under the seal, and at once again for what stands outside
def header_fields_outside(outer: Outer) -> tuple[tuple[str, str], ...]:
    """Name and value of the fields that say something of the message, in order."""
    return (
        ("From", outer.author),
        ("To", outer.recipient),
        ("Date", format_date(outer.date)),
        ("Subject", SUBJECT),
        ("Message-ID", outer.message_id),
    )


def read_outside(octets: bytes) -> OuterFields:
    """Read an outer message's fields back, for its DSNs. Raises MessageMalformed."""
    fields, _ = read_fields(octets)
    values: dict[str, str] = {}
    for each in fields:
        if each.name in {"from", "to", "date", "message-id"}:
            if each.name in values:
                raise malformed(f"outer field {each.name} twice")
            values[each.name] = each.value
    try:
        (author,) = read_addresses(values["from"])
        (recipient,) = read_addresses(values["to"])
        date = read_date(values["date"])
    except (Unreadable, KeyError, ValueError):
        raise malformed("outer fields cannot be read") from None
    message_id = values.get("message-id", "")
    if not _ANY_MESSAGE_ID.fullmatch(message_id):
        raise malformed("outer message id cannot be read")
    return OuterFields(author=author, recipient=recipient, date=date, message_id=message_id)
