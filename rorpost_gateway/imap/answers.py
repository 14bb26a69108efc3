"""What responses mean: status lines, messages' data, search results, folders. Pure.

RFC 3501, section 7; RFC 4731 (ESEARCH); RFC 5530 (response codes).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from rorpost_gateway.imap.base import Summary
from rorpost_gateway.imap.framing import Response
from rorpost_gateway.imap.tokens import Unreadable, Word, words
from rorpost_gateway.imap.uid_sets import HIGHEST_UID, read_uid_set

_STATUS = re.compile(
    rb"(?P<status>OK|NO|BAD|BYE|PREAUTH)(?: +\[(?P<code>[A-Z0-9-]{1,64})(?: (?P<rest>[^\]]*))?\])?(?: .*)?",
    re.IGNORECASE | re.DOTALL,
)
_UNTAGGED = re.compile(rb"\* (?:(?P<number>[0-9]{1,10}) )?(?P<kind>[A-Z0-9-]{1,64})(?: |\Z)", re.IGNORECASE)
_DATE = re.compile(
    rb"([ 0-3]?\d)-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-(\d{4}) "
    rb"(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)",
    re.IGNORECASE,
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEARCH = re.compile(rb"\* SEARCH(?: [0-9]{1,10})* *", re.IGNORECASE)
_NUMBER = re.compile(rb"[0-9]{1,20}")
_HEADER = b"BODY[HEADER.FIELDS"
WHOLE = b"BODY[]"


class Status(NamedTuple):
    """`code` is in capitals, empty where there is none; `rest` is what follows it in the brackets.

    The text that people read is left out: nobody knows what a server writes there.
    """

    status: str
    code: str = ""
    rest: str = ""

    @property
    def ok(self) -> bool:
        return self.status == "OK"


def read_status(text: bytes) -> Status | None:
    """Of what follows the tag or the asterisk; None where it is no status."""
    match = _STATUS.fullmatch(text)
    if match is None:
        return None
    return Status(
        status=match["status"].decode("ascii").upper(),
        code=(match["code"] or b"").decode("ascii").upper(),
        rest=(match["rest"] or b"").decode("ascii", "replace"),
    )


class Untagged(NamedTuple):
    """`* 12 EXISTS`: kind EXISTS, number 12. `status` where it is one."""

    kind: str
    number: int | None
    status: Status | None
    response: Response


def read_untagged(response: Response) -> Untagged:
    """Raises Unreadable."""
    match = _UNTAGGED.match(response[0])
    if match is None:
        raise Unreadable
    number = match["number"]
    return Untagged(
        kind=match["kind"].decode("ascii").upper(),
        number=None if number is None else int(number),
        status=read_status(response[0][2:]) if number is None else None,
        response=response,
    )


def capabilities_of(text: str) -> frozenset[str]:
    return frozenset(word for word in text.upper().split() if word.isascii() and word.isprintable())


def number_of(word: Word, *, most: int = HIGHEST_UID) -> int:
    """Raises Unreadable."""
    if not isinstance(word, bytes) or not _NUMBER.fullmatch(word) or int(word) > most:
        raise Unreadable
    return int(word)


def fetched(answer: Untagged) -> Mapping[bytes, Word]:
    """Item names in capitals, and their values, of a FETCH response. Raises Unreadable."""
    items = words(answer.response)[3:]
    if len(items) != 1 or not isinstance(items[0], tuple) or len(items[0]) % 2:
        raise Unreadable
    names, values = items[0][::2], items[0][1::2]
    return {_name(name): value for name, value in zip(names, values, strict=True)}


def _name(word: Word) -> bytes:
    if not isinstance(word, bytes):
        raise Unreadable
    return word.upper()


def summary(items: Mapping[bytes, Word], *, with_header: bool) -> Summary:
    """Raises Unreadable where something that was asked for is not there."""
    flags = items.get(b"FLAGS")
    if not isinstance(flags, tuple):
        raise Unreadable
    header = next((value for name, value in items.items() if name.startswith(_HEADER)), None)
    if with_header and not isinstance(header, bytes):
        raise Unreadable
    return Summary(
        uid=number_of(items.get(b"UID")),
        flags=frozenset(_text(flag) for flag in flags),
        arrived_at=read_date(items.get(b"INTERNALDATE")),
        size=number_of(items.get(b"RFC822.SIZE"), most=2**63 - 1),
        header=header if isinstance(header, bytes) else b"",
    )


def _text(word: Word) -> str:
    if not isinstance(word, bytes):
        raise Unreadable
    return word.decode("ascii", "replace")


def read_date(word: Word) -> datetime:
    """INTERNALDATE, aware. Raises Unreadable."""
    match = _DATE.fullmatch(word) if isinstance(word, bytes) else None
    if match is None:
        raise Unreadable
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        number = MONTHS.index(month.decode("ascii").capitalize()) + 1
        clock = int(hour), int(minute), min(int(second), 59)  # a leap second has no place of its own
        return datetime(int(year), number, int(day), *clock, tzinfo=zone)
    except ValueError:
        raise Unreadable from None


def found_uids(answer: Untagged) -> list[int]:
    """Of a SEARCH or an ESEARCH response. Raises Unreadable."""
    if answer.kind == "SEARCH":
        if not _SEARCH.fullmatch(answer.response[0]):
            raise Unreadable
        return list(map(int, answer.response[0].split()[2:]))
    listed = iter(words(answer.response)[2:])
    for word in listed:
        if isinstance(word, bytes) and word.upper() == b"ALL":
            return read_uid_set(_text(next(listed, None)))
    return []


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A LIST response. `name` as the server has it, encoded; `attributes` in lower case."""

    attributes: frozenset[str]
    separator: str
    name: bytes


def listed(answer: Untagged) -> Listed:
    """Raises Unreadable."""
    told = words(answer.response)[2:5]
    if len(told) < 3:
        raise Unreadable
    attributes, separator, name = told
    if not isinstance(attributes, tuple) or isinstance(separator, tuple) or not isinstance(name, bytes):
        raise Unreadable
    return Listed(
        attributes=frozenset(_text(each).lower() for each in attributes),
        separator=_text(separator) if separator is not None else "",
        name=name,
    )


def personal_namespace(answer: Untagged) -> tuple[bytes, str] | None:
    """Prefix and separator of the first personal namespace; None where there is none. Raises Unreadable."""
    personal, *_ = (*words(answer.response)[2:], None)
    if not isinstance(personal, tuple) or not personal:
        return None
    first = personal[0]
    if not isinstance(first, tuple) or len(first) < 2 or not isinstance(first[0], bytes):
        raise Unreadable
    return first[0], "" if first[1] is None else _text(first[1])
