"""What a person reads in a DSN: subject and text, Swedish and English. Pure.

Whoever reads it sits in home care or at a health centre: what happened, whom to
phone, what to do, in that order; the server's own words come after. Nothing here
knows content or subject of the message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rorpost_gateway.reply import Language


class Happened(StrEnum):
    FAILED = "failed"
    EXPIRED = "expired"  # failed, because it could not be delivered in time
    DELAYED = "delayed"
    HELD = "held"  # delayed, until an operator has looked at it
    RELAYED = "relayed"


class Cause(StrEnum):
    ADDRESS = "address"
    MAILBOX_FULL = "mailbox-full"
    MAILBOX = "mailbox"
    TOO_LARGE = "too-large"
    UNREACHABLE = "unreachable"
    PROTOCOL = "protocol"
    SECURITY = "security"  # our own finding: certificate, TLS
    REFUSED = "refused"  # theirs
    HERE = "here"  # a fault of this gateway
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """One recipient as the text names it; `said` is the raw reply or finding."""

    address: str
    unit: str | None
    phone: str | None
    cause: Cause
    said: str | None

    @property
    def name(self) -> str:
        return " ".join((self.unit or self.address).split())


@dataclass(frozen=True, kw_only=True)
class _Words:
    subject: dict[Happened, str]
    opening: dict[Happened, str]
    advice: dict[Happened, str]
    causes: dict[Cause, str]
    receiver: str
    phone: str
    no_phone: str
    cause: str
    said: str
    sent: str
    queue_id: str


_SV = _Words(
    subject={
        Happened.FAILED: "Kom inte fram: rörpost till {names}",
        Happened.EXPIRED: "Kom inte fram: rörpost till {names}",
        Happened.DELAYED: "Försenad: rörpost till {names}",
        Happened.HELD: "Stoppad tills vidare: rörpost till {names}",
        Happened.RELAYED: "Lämnad vidare: rörpost till {names}",
    },
    opening={
        Happened.FAILED: "Ditt meddelande kom inte fram. Inga fler försök görs.",
        Happened.EXPIRED: "Ditt meddelande kom inte fram i tid. Inga fler försök görs.",
        Happened.DELAYED: "Ditt meddelande har ännu inte kommit fram. Nya försök görs till {until}.",
        Happened.HELD: "Ditt meddelande har inte skickats: det får inte skickas enligt de regler "
        "eller nycklar som gäller nu. Det ligger kvar tills IT har tittat på det.",
        Happened.RELAYED: "Ditt meddelande har lämnats till mottagarens e-postserver. "
        "Den servern bekräftar inte när det når brevlådan.",
    },
    advice={
        Happened.FAILED: "Ring mottagaren. Skicka inte uppgifterna med vanlig e-post. "
        "Mottagare som inte nämns här berörs inte.",
        Happened.EXPIRED: "Ring mottagaren. Skicka inte uppgifterna med vanlig e-post. "
        "Mottagare som inte nämns här berörs inte.",
        Happened.DELAYED: "Skicka inte meddelandet igen. Kan ärendet inte vänta: ring mottagaren. "
        "Mottagare som inte nämns här berörs inte.",
        Happened.HELD: "Ring mottagaren om ärendet inte kan vänta, och hör av dig till IT med könumret. "
        "Mottagare som inte nämns här berörs inte.",
        Happened.RELAYED: "Du behöver inte göra något.",
    },
    causes={
        Cause.ADDRESS: "Mottagarens server känner inte till adressen.",
        Cause.MAILBOX_FULL: "Mottagarens brevlåda är full.",
        Cause.MAILBOX: "Mottagarens brevlåda tar inte emot.",
        Cause.TOO_LARGE: "Meddelandet är större än mottagarens server tar emot.",
        Cause.UNREACHABLE: "Mottagarens server går inte att nå.",
        Cause.PROTOCOL: "Mottagarens server svarar på ett sätt som inte går att förstå.",
        Cause.SECURITY: "En säker anslutning till mottagarens server gick inte att upprätta. "
        "Inget har skickats oskyddat.",
        Cause.REFUSED: "Mottagarens server nekade meddelandet.",
        Cause.HERE: "Ett fel i den egna rörposten. IT behöver åtgärda det.",
        Cause.UNKNOWN: "Mottagarens server kunde inte ta emot meddelandet.",
    },
    receiver="Mottagare",
    phone="Telefon",
    no_phone="nummer saknas i rörpostens register, använd enhetens vanliga nummer",
    cause="Orsak",
    said="Tekniskt svar",
    sent="Skickat",
    queue_id="Könummer",
)

_EN = _Words(
    subject={
        Happened.FAILED: "Not delivered: rörpost to {names}",
        Happened.EXPIRED: "Not delivered: rörpost to {names}",
        Happened.DELAYED: "Delayed: rörpost to {names}",
        Happened.HELD: "On hold: rörpost to {names}",
        Happened.RELAYED: "Handed on: rörpost to {names}",
    },
    opening={
        Happened.FAILED: "Your message was not delivered. No more attempts are made.",
        Happened.EXPIRED: "Your message could not be delivered in time. No more attempts are made.",
        Happened.DELAYED: "Your message has not been delivered yet. Attempts go on until {until}.",
        Happened.HELD: "Your message was not sent: the rules or keys in force now do not allow it. "
        "It is kept until IT has looked at it.",
        Happened.RELAYED: "Your message was handed to the recipient's mail server. "
        "That server does not confirm when it reaches the mailbox.",
    },
    advice={
        Happened.FAILED: "Phone the recipient. Do not send the information by ordinary e-mail. "
        "Recipients not named here are not concerned.",
        Happened.EXPIRED: "Phone the recipient. Do not send the information by ordinary e-mail. "
        "Recipients not named here are not concerned.",
        Happened.DELAYED: "Do not send the message again. If the matter cannot wait, phone the recipient. "
        "Recipients not named here are not concerned.",
        Happened.HELD: "Phone the recipient if the matter cannot wait, and tell IT the queue id. "
        "Recipients not named here are not concerned.",
        Happened.RELAYED: "There is nothing you need to do.",
    },
    causes={
        Cause.ADDRESS: "The recipient's server does not know the address.",
        Cause.MAILBOX_FULL: "The recipient's mailbox is full.",
        Cause.MAILBOX: "The recipient's mailbox does not take mail.",
        Cause.TOO_LARGE: "The message is larger than the recipient's server takes.",
        Cause.UNREACHABLE: "The recipient's server cannot be reached.",
        Cause.PROTOCOL: "The recipient's server answers in a way that cannot be understood.",
        Cause.SECURITY: "A secure connection to the recipient's server could not be made. "
        "Nothing was sent unprotected.",
        Cause.REFUSED: "The recipient's server refused the message.",
        Cause.HERE: "A fault of this gateway. IT has to mend it.",
        Cause.UNKNOWN: "The recipient's server could not take the message.",
    },
    receiver="Recipient",
    phone="Phone",
    no_phone="no number on record here, use the unit's ordinary one",
    cause="Cause",
    said="Technical reply",
    sent="Sent",
    queue_id="Queue id",
)


BETWEEN_LANGUAGES = "\n" + "-" * 40 + "\n\n"


def subject(happened: Happened, receivers: Sequence[Receiver], language: Language) -> str:
    """What happened, to which unit."""
    words = _SV if language is Language.SV else _EN
    return words.subject[happened].format(names=", ".join(r.name for r in receivers))


def body(
    happened: Happened,
    receivers: Sequence[Receiver],
    language: Language,
    *,
    sent: str,
    until: str,
    queue_id: str,
) -> str:
    """Both languages, the configured one first; lines end with LF. Times are ready to be read."""
    order = (_SV, _EN) if language is Language.SV else (_EN, _SV)
    return BETWEEN_LANGUAGES.join(
        _in_one_language(words, happened, receivers, sent=sent, until=until, queue_id=queue_id)
        for words in order
    )


def _in_one_language(
    words: _Words,
    happened: Happened,
    receivers: Sequence[Receiver],
    *,
    sent: str,
    until: str,
    queue_id: str,
) -> str:
    blocks = [words.opening[happened].format(until=until)]
    blocks += [_of_receiver(words, happened, receiver) for receiver in receivers]
    blocks += [words.advice[happened]]
    blocks += ["\n".join([f"{words.sent}: {sent}", *([f"{words.queue_id}: {queue_id}"] if queue_id else [])])]
    return "\n\n".join(blocks) + "\n"


def _of_receiver(words: _Words, happened: Happened, receiver: Receiver) -> str:
    name = f"{receiver.name} <{receiver.address}>" if receiver.unit else receiver.address
    lines = [f"{words.receiver}: {name}"]
    if happened is not Happened.RELAYED:
        lines.append(f"{words.phone}: {receiver.phone or words.no_phone}")
    if happened not in {Happened.RELAYED, Happened.HELD}:
        lines.append(f"{words.cause}: {words.causes[receiver.cause]}")
    if receiver.said and happened is not Happened.HELD:
        lines.append(f"{words.said}: {receiver.said}")
    return "\n".join(lines)


_BY_DETAIL = {("2", "2"): Cause.MAILBOX_FULL, ("3", "4"): Cause.TOO_LARGE}
_BY_SUBJECT = {
    "1": Cause.ADDRESS,
    "2": Cause.MAILBOX,
    "4": Cause.UNREACHABLE,
    "5": Cause.PROTOCOL,
    "7": Cause.REFUSED,
}


def cause_of(status: str, *, own_finding: bool) -> Cause:
    """The cause behind an enhanced status code (RFC 3463), theirs or this gateway's own."""
    _, subject_, detail = status.split(".")
    if own_finding and subject_ == "7":
        return Cause.SECURITY
    if own_finding and (subject_ == "6" or (subject_ == "3" and detail not in {"2", "4"})):
        return Cause.HERE
    return _BY_DETAIL.get((subject_, detail)) or _BY_SUBJECT.get(subject_, Cause.UNKNOWN)
