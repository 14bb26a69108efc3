"""What lies in the mailboxes, and whether it is what was sent.

A reader's copy may differ from what was submitted in the named fields only: `Return-Path` and
`X-Rorpost-Verified` are added by the receiving gateway (a forged one is taken out), and From
shows the person. All else is compared octet by octet.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

from rorpost_gateway.demo.world import World

NAMED_FIELDS = ("return-path", "x-rorpost-verified", "from")
_FIELD = re.compile(rb"(?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A copy that was accepted and has to arrive. `message` is what its sender wrote."""

    story: str
    sender: str
    recipient: str
    message: bytes = field(repr=False)
    sending_user: str
    by_hand: bool  # no gateway sealed it

    @property
    def message_id(self) -> str:
        return _text(self.message, "Message-ID")


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A file in a Maildir, with CRLF line ends."""

    recipient: str
    message: bytes = field(repr=False)

    @property
    def message_id(self) -> str:
        return _text(self.message, "Message-ID")

    @property
    def author(self) -> tuple[str, str]:
        """From, as a mail client shows it: the name, and the address."""
        name, address = parseaddr(_text(self.message, "From"))
        return _decoded(name), address

    @property
    def verified(self) -> tuple[str, ...]:
        """Every X-Rorpost-Verified field there is, unfolded."""
        return tuple(_unfolded(each) for each in _read(self.message).get_all("X-Rorpost-Verified", []))

    def as_read(self) -> list[str]:
        """The fields that a reader looks at, decoded."""
        name, address = self.author
        fields = [f"{each}: {_decoded(_text(self.message, each))}" for each in ("To", "Subject", "Date")]
        verified = (part.strip() for field_value in self.verified for part in field_value.split(";"))
        return [f"From: {name} <{address}>", *fields, "X-Rorpost-Verified: " + ";\n  ".join(verified)]

    @property
    def body(self) -> str:
        return self.message.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")

    @property
    def sha256(self) -> str:
        return comparable_sha256(self.message)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A copy that was to arrive, and what did: None where nothing came."""

    expected: Expected
    arrived: Arrived | None

    def findings(self) -> Iterator[str]:
        """What is not as it must be, a sentence each."""
        what = f"{self.expected.story}, to {self.expected.recipient}"
        if self.arrived is None:
            yield f"{what}: did not arrive"
            return
        if self.arrived.sha256 != comparable_sha256(self.expected.message):
            yield f"{what}: what was delivered is not what was submitted"
        if self.arrived.author[1] != self.expected.sender:
            yield f"{what}: the reader sees another author"
        verified = self.arrived.verified
        user = f"sending-user={self.expected.sending_user};"
        if len(verified) != 1 or not verified[0].startswith("yes;") or user not in verified[0]:
            yield f"{what}: X-Rorpost-Verified does not say what it must"


def read_mailboxes(world: World) -> list[Arrived]:
    """Everything that lies in the Maildirs of both organisations."""
    return [
        Arrived(recipient=path.parts[-3], message=path.read_bytes().replace(b"\n", b"\r\n"))
        for house in world.houses
        for folder in ("new", "cur")
        for path in sorted(house.mail.glob(f"*/{folder}/*"))
    ]


def match(expected: Sequence[Expected], arrived: Sequence[Arrived]) -> tuple[list[Delivered], list[Arrived]]:
    """Each expected copy with the one that arrived, and those that nobody expected."""
    left = list(arrived)
    delivered = []
    for each in expected:
        found = next(
            (one for one in left if (one.recipient, one.message_id) == (each.recipient, each.message_id)),
            None,
        )
        if found is not None:
            left.remove(found)
        delivered.append(Delivered(expected=each, arrived=found))
    return delivered, left


def comparable_sha256(message: bytes) -> str:
    """Lower-case hex SHA-256 of a message without the named fields."""
    end = message.index(b"\r\n\r\n") + 2
    fields = [each for each in _FIELD.findall(message[:end]) if _name(each) not in NAMED_FIELDS]
    return hashlib.sha256(b"".join((*fields, message[end:]))).hexdigest()


def _name(raw: bytes) -> str:
    return raw.partition(b":")[0].decode("ascii", "replace").lower()


def _text(message: bytes, name: str) -> str:
    return _unfolded(_read(message).get(name, ""))


def _unfolded(value: object) -> str:
    return " ".join(str(value).split())


def _decoded(text: str) -> str:
    return str(make_header(decode_header(text)))


def _read(message: bytes) -> Message:
    return message_from_bytes(message)
