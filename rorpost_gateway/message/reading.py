"""What the rules need to know of a message, read once.

RFC 5322, section 3.6; RFC 2156, section 5.3.6 (Importance and Priority).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.date_time import read_date
from rorpost_gateway.message.encoded_words import decode_words
from rorpost_gateway.message.grammar import CFWS, Unreadable
from rorpost_gateway.message.header import Field, line_of, malformed
from rorpost_gateway.message.parse import Message
from rorpost_gateway.message.sealed import is_sealed

_RECEIPTS = (
    "disposition-notification-to",  # RFC 8098
    "return-receipt-to",
    "read-receipt-to",
    "x-confirm-reading-to",
)
# Where a reader's answer goes; Thunderbird and mutt follow the last two as well.
_ANSWERS = ("reply-to", "mail-reply-to", "mail-followup-to")
_URGENT_WORD = r"(?:high|highest|urgent)(?![a-z])"
_URGENT = {
    "importance": re.compile(rf"{CFWS}{_URGENT_WORD}", re.IGNORECASE),
    "priority": re.compile(rf"{CFWS}{_URGENT_WORD}", re.IGNORECASE),
    "x-msmail-priority": re.compile(rf"{CFWS}{_URGENT_WORD}", re.IGNORECASE),
    "x-priority": re.compile(rf"{CFWS}(?:\+?0*+[12](?![0-9])|{_URGENT_WORD})", re.IGNORECASE),
}
_MESSAGE_ID = re.compile(rf"{CFWS}(<[!-;=?-~]{{1,990}}>){CFWS}")
_COMMENT_PIECE = re.compile(r"[()]|(?>(?:[^()\\]++|\\.?)*)")
_Read = TypeVar("_Read")


def read_facts(message: Message, *, hostname: str) -> MessageFacts:
    """The facts of a message. `hostname` is this gateway's, as it writes it into Received.

    Raises MessageMalformed where an address list or the date cannot be read, and
    MessageTooComplex as `check_structure` does. A Message-ID that is none is left
    out, since nothing is decided by it.
    """
    named: dict[str, list[Field]] = {}
    for each in message.fields:
        named.setdefault(each.name, []).append(each)
    values = {name: tuple(each.value for each in fields) for name, fields in named.items()}

    def addresses(*names: str) -> tuple[str, ...]:
        fields = [each for name in names if name in named for each in named[name]]
        return tuple(found for each in fields for found in _read(message, each, read_addresses))

    return MessageFacts(
        authors=addresses("from"),
        sender=addresses("sender"),
        to=addresses("to"),
        cc=addresses("cc"),
        reply_to=addresses(*_ANSWERS),
        receipts_to=addresses(*_RECEIPTS),
        bcc_present="bcc" in named or "resent-bcc" in named,
        message_id=_message_id(values.get("message-id", ())),
        date=next((_read(message, each, read_date) for each in named.get("date", ())), None),
        subject=decode_words(" ".join(values.get("subject", ()))),
        urgent=_is_urgent(values),
        sealed_already=is_sealed(message),
        received_count=len(named.get("received", ())),
        received_here=_names_host(values.get("received", ()), hostname),
        fields=values,
    )


def _read(message: Message, field: Field, read: Callable[[str], _Read]) -> _Read:
    try:
        return read(field.value)
    except Unreadable as unreadable:
        line = line_of(message.fields, field)
        raise malformed(f"field {field.name}: {unreadable}", line=line) from None


def _message_id(values: Iterable[str]) -> str | None:
    matches = (_MESSAGE_ID.fullmatch(value) for value in values)
    return next((match[1] for match in matches if match), None)


def _is_urgent(values: Mapping[str, tuple[str, ...]]) -> bool:
    return any(says.match(value) for name, says in _URGENT.items() for value in values.get(name, ()))


def _names_host(received: Iterable[str], hostname: str) -> bool:
    """Whether a Received field says `by hostname` (RFC 5321, section 4.4), comments aside."""
    by = _by(hostname)
    return any(by.search(_without_comments(value)) for value in received)


@lru_cache(maxsize=4)  # there is one gateway here, and one name of it
def _by(hostname: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[ \t])by[ \t]+{re.escape(hostname)}\.?(?=[ \t;]|$)", re.IGNORECASE)


def _without_comments(value: str) -> str:
    """`value` with a space for each comment, of any depth; `value` itself where one is not closed."""
    depth = 0
    kept: list[str] = []
    for match in _COMMENT_PIECE.finditer(value):
        piece = match[0]
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(piece)
    return " ".join(kept) if depth == 0 else value
