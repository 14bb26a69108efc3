"""What a scene is: something that is submitted, or that a partner brings, and the answer it has to get.

No I/O. The scenes themselves are data in `outbound_scenes` and `inbound_scenes`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import Enum, auto

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.names import Organisation

SUBJECT = "Fraga om omlaggning"
BODY = "Hej, kan ni ringa om omläggningen?"
QUOTED_OUTSIDER = "\r\n".join(
    (
        *("Se nedan.", ""),
        *("Från: Karin Dotter <anhorig@example.org>", "Skickat: den 5 maj 2026 10:00"),
        *("Till: Hemsjukvården", "Ämne: Mamma", "", "Hej!"),
    )
)
Fields = Mapping[str, str | None]
PROGRAM = "TVqQAAMAAAAEAAAA//8AAA=="  # what every program for Windows begins with, in base64
ATTACHED_PROGRAM: Fields = {
    "Content-Type": 'application/pdf; name="remiss.pdf"',
    "Content-Transfer-Encoding": "base64",
}


class Play(Enum):
    """How a scene is played at the SMTP prompt; most are an ordinary transaction."""

    ORDINARY = auto()
    WITHOUT_TLS = auto()
    WITHOUT_LOGIN = auto()
    WRONG_PASSWORD = auto()
    FROM_ELSEWHERE = auto()
    SIZE_TOO_LARGE = auto()
    MANY_RECIPIENTS = auto()
    CROWD = auto()
    FULL = auto()
    SHUT_DOWN = auto()


class Form(Enum):
    """What a partner makes of a message."""

    PGP_MIME = auto()
    INLINE = auto()  # OpenPGP in the middle of a text
    CLEAR = auto()
    TWO_BLOCKS = auto()


class Again(Enum):
    """Scenes that use what an earlier one has made."""

    SAME = auto()  # the very same octets
    SEALED_ANEW = auto()  # the same signed content in another seal


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Something a person submits to the own gateway.

    `fields` replace or add header fields of the message; None leaves one out.
    `body` is inserted behind them; `finish` may change the octets as a whole.
    """

    want: Reason
    story: str
    play: Play = Play.ORDINARY
    at: Organisation = names.MOTALA
    login: str = "anna"
    sender: str = names.HOME_CARE
    recipients: tuple[str, ...] = (names.BRINKEN,)
    fields: Fields = field(default_factory=dict)
    body: str = BODY
    finish: Callable[[bytes], bytes] | None = None
    repeats_first: bool = False

    @property
    def direction(self) -> Direction:
        return Direction.OUTBOUND

    def message_id(self, *, number: int, now: datetime) -> str:
        return f"<scen{number}.{int(now.timestamp())}@{self.at.client}>"

    def octets(self, *, number: int, now: datetime) -> bytes:
        """The message as the mail client sends it. `number` makes it one of its kind."""
        usual: dict[str, str | None] = {
            "From": f'"Funktionsbrevladan" <{self.sender}>',
            "To": ", ".join(self.recipients),
            "Subject": SUBJECT,
            "Date": format_datetime(now),
            "Message-ID": self.message_id(number=number, now=now),
            "X-Rorpost-Sending-User": self.at.logins[self.login],
            **_TEXT,
        }
        octets = message(usual | dict(self.fields), self.body)
        return self.finish(octets) if self.finish else octets


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Something a partner's machine brings to Motala's gateway, made by hand with plain gpg.

    `sender` and `recipient` are the envelope's, and stand outside and inside unless `outside`
    or `fields` say otherwise. `signed_by` and `sealed_to` name whose keys are used.
    """

    want: Reason
    story: str
    play: Play = Play.ORDINARY
    form: Form = Form.PGP_MIME
    sender: str = names.BRINKEN
    recipient: str = names.HOME_CARE
    fields: Fields = field(default_factory=dict)
    outside: Fields = field(default_factory=dict)
    protected: bool = True
    signed_by: str | None = names.BRINKEN
    sealed_to: str = names.HOME_CARE
    days_old: int = 0
    body: str = BODY
    again: Again | None = None

    @property
    def direction(self) -> Direction:
        return Direction.INBOUND

    @property
    def recipients(self) -> tuple[str, ...]:
        return (self.recipient,)

    def message_id(self, *, number: int, now: datetime) -> str:
        return f"<brev{number}.{int(now.timestamp())}@partner.{names.THEIRS}>"

    def written_at(self, now: datetime) -> datetime:
        return now - timedelta(days=self.days_old)

    def payload(self, *, number: int, now: datetime) -> bytes:
        """What is signed and sealed: the message as its reader should get it."""
        fields: dict[str, str | None] = {
            "From": self.sender,
            "To": self.recipient,
            "Subject": SUBJECT,
            "Date": format_datetime(self.written_at(now)),
            "Message-ID": self.message_id(number=number, now=now),
            "X-Rorpost-Sending-User": names.MARIA,
            **_TEXT,
        }
        fields |= self.fields
        if self.protected:
            fields["Content-Type"] = f'{fields["Content-Type"]}; protected-headers="v1"'
        return message(fields, self.body)

    def header_outside(self, *, number: int, now: datetime, content_type: str) -> bytes:
        """The header that everybody on the way reads."""
        fields: dict[str, str | None] = {
            "From": self.sender,
            "To": self.recipient,
            "Subject": "...",
            "Date": format_datetime(self.written_at(now)),
            "Message-ID": self.message_id(number=number, now=now),
            "MIME-Version": "1.0",
            "Content-Type": content_type,
        }
        return _header(fields | dict(self.outside))


_TEXT: dict[str, str | None] = {
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
}


def message(fields: Fields, body: str) -> bytes:
    """A message with CRLF line ends; fields that are None are left out."""
    return _header(fields) + f"\r\n{body}\r\n".encode()


def _header(fields: Fields) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None).encode()
