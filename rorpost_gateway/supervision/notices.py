"""The mail that says a mailbox was not read in time: to those on duty first, then to the manager. Pure.

Invariants: nothing of a message can get in, neither its content nor its subject nor its sender, since
none is an argument; the same arguments make the same octets, and the Message-ID names recipient, mailbox,
deadline and kind only, so that a notice sent again is known as the same one.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from rorpost_gateway.dsn.automatic import automatic_message, message_id_of, one_line, with_address
from rorpost_gateway.dsn.fields import readable
from rorpost_gateway.dsn.text import BETWEEN_LANGUAGES
from rorpost_gateway.reply import Language
from rorpost_gateway.supervision.deadlines import Deadline


class Kind(StrEnum):
    MISSED = "missed"  # at the deadline
    STILL_UNREAD = "still-unread"  # a while later


@dataclass(frozen=True, kw_only=True)
class Unread:
    """What is told. `name` is the unit's; `told` are those who heard of this deadline before."""

    mailbox: str
    name: str
    phone: str | None
    deadline: Deadline
    unread: int
    told: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Words:
    subject: dict[Kind, str]
    opening: dict[Kind, str]
    advice: dict[Kind, str]
    mailbox: str
    phone: str
    unread: str
    told: str
    closing: str


_SV = _Words(
    subject={
        Kind.MISSED: "Rörposten är inte läst: {name}",
        Kind.STILL_UNREAD: "Rörposten är fortfarande inte läst: {name}",
    },
    opening={
        Kind.MISSED: "Rörpostbrevlådan skulle ha varit läst senast {deadline}. Det var den inte.",
        Kind.STILL_UNREAD: "Rörpostbrevlådan skulle ha varit läst senast {deadline}. "
        "Den är fortfarande inte läst {now}.",
    },
    advice={
        Kind.MISSED: "Öppna brevlådan och läs det som ligger där, eller se till att någon annan gör det nu. "
        "Går brevlådan inte att öppna: ring IT, och ring de enheter som brukar skicka till den.",
        Kind.STILL_UNREAD: "Ta kontakt med enheten och se till att brevlådan läses nu. "
        "Går brevlådan inte att öppna: ring IT, och ring de enheter som brukar skicka till den.",
    },
    mailbox="Brevlåda",
    phone="Telefon till enheten",
    unread="Olästa meddelanden",
    told="Har redan fått besked",
    closing="Det här är ett automatiskt besked som inte går att svara på. "
    "Rörposten har inte öppnat något meddelande och inte ändrat något i brevlådan.",
)

_EN = _Words(
    subject={
        Kind.MISSED: "The rörpost has not been read: {name}",
        Kind.STILL_UNREAD: "The rörpost has still not been read: {name}",
    },
    opening={
        Kind.MISSED: "The rörpost mailbox was to be read by {deadline}. It was not.",
        Kind.STILL_UNREAD: "The rörpost mailbox was to be read by {deadline}. "
        "It has still not been read at {now}.",
    },
    advice={
        Kind.MISSED: "Open the mailbox and read what lies in it, or see to it that somebody else does now. "
        "If the mailbox cannot be opened, phone IT, and phone the units that write to it.",
        Kind.STILL_UNREAD: "Get in touch with the unit and see to it that the mailbox is read now. "
        "If the mailbox cannot be opened, phone IT, and phone the units that write to it.",
    },
    mailbox="Mailbox",
    phone="The unit's phone",
    unread="Unread messages",
    told="Have been told already",
    closing="This is an automatic notice that cannot be answered. "
    "The rörpost has opened no message and changed nothing in the mailbox.",
)


def build_notice(
    kind: Kind,
    unread: Unread,
    *,
    recipient: str,
    sender: str,
    now: datetime,
    zone: tzinfo,
    language: Language,
) -> bytes:
    """The whole message, CRLF line ends; both languages, the configured one first. `now` is aware."""
    words = _SV if language is Language.SV else _EN
    about = f"{kind}\n{unread.mailbox}\n{unread.deadline.at.isoformat()}\n{recipient}"
    return automatic_message(
        sender=sender,
        recipient=recipient,
        subject=words.subject[kind].format(name=one_line(unread.name)),
        message_id=message_id_of("notice", about, sender=sender),
        text=_text(kind, unread, language, now=now, zone=zone),
        now=now,
        zone=zone,
    )


def _text(kind: Kind, unread: Unread, language: Language, *, now: datetime, zone: tzinfo) -> str:
    order = (_SV, _EN) if language is Language.SV else (_EN, _SV)
    deadline, at = (readable(moment.timestamp(), zone) for moment in (unread.deadline.at, now))
    return BETWEEN_LANGUAGES.join(
        f"{words.opening[kind].format(deadline=deadline, now=at)}\n\n"
        f"{_about(words, unread)}\n\n{words.advice[kind]}\n\n{words.closing}\n"
        for words in order
    )


def _about(words: _Words, unread: Unread) -> str:
    lines = [f"{words.mailbox}: {with_address(unread.name, unread.mailbox)}"]
    if unread.phone:
        lines.append(f"{words.phone}: {unread.phone}")
    lines.append(f"{words.unread}: {unread.unread}")
    if unread.told:
        lines.append(f"{words.told}: {', '.join(unread.told)}")
    return "\n".join(lines)
