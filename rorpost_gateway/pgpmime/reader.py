"""The reader's copy: what is delivered to the function mailbox.

Invariants:
- It begins with one X-Rorpost-Verified field, written here; every other one is taken out,
  in any case and however it is folded, so that nobody outside can forge it. (What only looks
  like one, in the body or in the value of another field, is left: it is no field.)
- All the rest is octets that were under the signature. Of this gateway's own messages: the
  message as submitted, byte for byte, with at most its From field replaced. Of others: the
  entity that `read_payload` says counts, byte for byte, with fields before it that it lacks.
- From what stands outside comes only what policy allowed: Date, From, To, Cc, Subject and
  Message-ID, each only where nothing is said inside, and only where the header fields were
  not protected (`outer` is given). Sender and Reply-To outside are never used.
- Where Date is under no signature of its own, the signature's own time takes its place.

`hp=` and `protected-headers=` parameters and HP-Outer fields of other partners stay: outside
a seal they say nothing. Where the partner signed inside, the signed part is the copy, without
the multipart/signed around it, whose other octets nobody signed.
RFC 5322, section 3.6; RFC 2047, section 5 (names).
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import AddressMalformed, GatewayError
from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import Field, Message
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.date_time import format_date
from rorpost_gateway.message.encoded_words import encode_words
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.pgpmime.protected import Protected

VERIFIED = "X-Rorpost-Verified"
NAME_CHARACTERS = 200
_VALUE_OCTETS = 900  # so that no line is over 998
_FROM_OUTSIDE = ("date", "from", "to", "cc", "subject", "message-id")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DECISION_ID = re.compile(r"[0-9a-f-]{1,64}")
_ASCII_NAME = re.compile(r"[ -~]+")


class CopyFailed(GatewayError):
    """What should be said of a message cannot be said in a header field."""


class Verified(StrEnum):
    """`partly`: author, recipients or date were not under the signature, and policy allows that."""

    YES = "yes"
    PARTLY = "partly"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the gateway found. `sending_user` is None where it was not stated.

    Raises CopyFailed for values that are not what they should be.
    """

    channel: str
    sending_user: str | None
    signed_by: str  # the primary fingerprint, in upper-case hex
    decision_id: str

    def __post_init__(self) -> None:
        try:
            parse_address(self.sending_user or "none@invalid")
        except AddressMalformed:
            raise _failed("sending user malformed") from None
        if not self.channel or not _FINGERPRINT.fullmatch(self.signed_by):
            raise _failed("no channel, or no fingerprint")
        if not _DECISION_ID.fullmatch(self.decision_id):
            raise _failed("decision id malformed")


def verified_status(protected: Protected) -> Verified:
    """What X-Rorpost-Verified says, but for the signature, which the caller has verified."""
    return Verified.YES if protected.protected else Verified.PARTLY


def facts_as_delivered(protected: Protected, outer: MessageFacts) -> MessageFacts:
    """What the rules have to look at: the facts of the reader's copy, where policy lets `outer` into it.

    The same fields as `make_copy` takes from outside, and no others: so a sending user, an
    importance or a Reply-To is never believed that stands outside.
    """
    inside = protected.facts
    if protected.protected:
        return inside
    taken = _taken_from_outside(inside.fields)
    return replace(
        inside,
        authors=outer.authors if "from" in taken else inside.authors,
        to=outer.to if "to" in taken else inside.to,
        cc=outer.cc if "cc" in taken else inside.cc,
        date=outer.date if "date" in taken else inside.date,
        subject=outer.subject if "subject" in taken else inside.subject,
        message_id=outer.message_id if "message-id" in taken else inside.message_id,
        fields={**inside.fields, **{name: outer.fields[name] for name in taken if name in outer.fields}},
    )


def author_name(person: str, mailbox_name: str) -> str:
    """The name to show in From: the person and the unit, `Anna Berg, Hemsjukvården`.

    `mailbox_name` is the policy's, of which the unit is what stands before a comma.
    """
    return f"{person.strip()}, {mailbox_name.partition(',')[0].strip()}"


def make_copy(
    protected: Protected,
    verification: Verification,
    *,
    show: str | None = None,
    outer: Message | None = None,
    signed_at: datetime | None = None,
) -> bytes:
    """The message to deliver, with CRLF line ends.

    `show` is the display name for From, or None to leave that field as it is. `outer` is the
    message as received, given only where policy allows unprotected header fields; it is
    not looked at where they were protected. `signed_at`, with its offset, is the signature's time.
    Raises CopyFailed.
    """
    entity = protected.entity
    kept = [each for each in entity.fields if each.name != VERIFIED.lower()]
    first = [_verified_field(verified_status(protected), verification)]
    if protected.restored is None:
        first += _missing(protected, kept, outer, signed_at)
    fields = [*first, *(each.raw for each in kept)]
    if show is not None:
        if len(entity.named("from")) > 1:
            raise _failed("more than one From field")
        fields = [_with_name(raw, show) for raw in fields]
    return b"".join((*fields, memoryview(entity.octets)[entity.header_end :]))


def _verified_field(status: Verified, verification: Verification) -> bytes:
    values = (
        f"channel={_value(verification.channel)}",
        f"sending-user={_value(verification.sending_user or 'not-stated')}",
        f"signed-by={verification.signed_by}",
        f"decision={verification.decision_id}",
    )
    return (f"{VERIFIED}: {status}; " + ";\r\n ".join(values) + "\r\n").encode("ascii")


def _value(text: str) -> str:
    """The text; all but letters, digits and `-._~@+` as %XX of its UTF-8 (RFC 3986, section 2.1)."""
    pieces = [quote(character, safe="@+", errors="replace") for character in text]
    while sum(map(len, pieces)) > _VALUE_OCTETS:
        pieces.pop()
    return "".join(pieces)


def _missing(
    protected: Protected, kept: Iterable[Field], outer: Message | None, signed_at: datetime | None
) -> Iterator[bytes]:
    """The fields that a message needs and the entity lacks."""
    present = {each.name for each in kept}
    if not protected.protected and outer is not None:
        for name in _taken_from_outside(present):
            for each in outer.named(name)[:1]:
                present.add(name)
                yield _whole_line(each.raw)
    if "date" not in present and signed_at is not None:
        yield f"Date: {format_date(signed_at)}\r\n".encode("ascii")
    if "mime-version" not in present:
        yield b"MIME-Version: 1.0\r\n"


def _taken_from_outside(present: Container[str]) -> tuple[str, ...]:
    """The names of fields about which nothing is said inside."""
    recipients_are_said = "to" in present or "cc" in present
    return tuple(
        name
        for name in _FROM_OUTSIDE
        if name not in present and not (recipients_are_said and name in {"to", "cc"})
    )


def _whole_line(raw: bytes) -> bytes:
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _with_name(raw: bytes, show: str) -> bytes:
    """A From field with that display name and its one address; any other field as it is."""
    if raw[:5].lower() != b"from:":
        return raw
    line_end = b"\r\n" if raw.endswith(b"\r\n") else b""
    try:
        (address,) = read_addresses(raw[5:].replace(b"\r\n", b"").decode("ascii"))
    except (Unreadable, ValueError):
        raise _failed("From without exactly one address") from None
    phrase = _phrase(show)
    return f"{raw[:5].decode('ascii')} {phrase}\r\n <{address}>".encode("ascii") + line_end


def _phrase(name: str) -> str:
    """The name as a quoted string, or as encoded words where it is not plain ASCII.

    What is no visible character becomes a space: line ends, control and direction characters.
    """
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in name)
    words = " ".join(visible.split())[:NAME_CHARACTERS]
    if not words:
        raise _failed("a name of nothing visible")
    if not _ASCII_NAME.fullmatch(words) or "=?" in words:
        return encode_words(words)
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _failed(what: str) -> CopyFailed:
    return CopyFailed("the message cannot be delivered as it is", private=f"the reader's copy: {what}")
