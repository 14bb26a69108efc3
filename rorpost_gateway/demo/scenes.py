"""The scenes: what is submitted, and what the gateway has to answer. Data, no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from enum import Enum, auto

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names


class Play(Enum):
    """How a scene is played at the SMTP prompt; most are an ordinary submission."""

    SUBMIT = auto()
    WITHOUT_TLS = auto()
    WITHOUT_LOGIN = auto()
    WRONG_PASSWORD = auto()
    SIZE_TOO_LARGE = auto()
    MANY_RECIPIENTS = auto()
    CROWD = auto()
    FULL = auto()
    SHUT_DOWN = auto()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """`fields` replace or add header fields of the message; None leaves one out.

    `body` is inserted behind them; `finish` may change the octets as a whole.
    """

    want: Reason
    story: str
    play: Play = Play.SUBMIT
    login: str = "anna"
    sender: str = names.HOME_CARE
    recipients: tuple[str, ...] = (names.BRINKEN,)
    fields: Mapping[str, str | None] = field(default_factory=dict)
    body: str = "Hej, kan ni ringa om omläggningen?"
    finish: Callable[[bytes], bytes] | None = None
    repeats_first: bool = False

    def octets(self, *, number: int, now: datetime) -> bytes:
        """The message as the mail client sends it. `number` makes it one of its kind."""
        fields: dict[str, str | None] = {
            "From": f'"Hemsjukvården" <{self.sender}>'.replace("å", "a"),
            "To": ", ".join(self.recipients),
            "Subject": "Fraga om omlaggning",
            "Date": format_datetime(now),
            "Message-ID": f"<scen{number}.{int(now.timestamp())}@klient.{names.OURS}>",
            "X-Rorpost-Sending-User": names.LOGINS[self.login],
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
        }
        fields |= self.fields
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        octets = f"{head}\r\n{self.body}\r\n".encode()
        return self.finish(octets) if self.finish else octets


def _bare_line_feed(octets: bytes) -> bytes:
    return octets[:-2] + b"\n.\nsmuggled\r\n"


def _many_parts(octets: bytes) -> bytes:
    return octets + b"--x\r\n\r\n\r\n" * 1001 + b"--x--\r\n"


SCENES: tuple[Scene, ...] = (
    Scene(want=Reason.OK, story="Home care writes to the health centre Brinken"),
    Scene(
        want=Reason.OK,
        story="To two units at once: two copies, each sealed to one",
        recipients=(names.BRINKEN, names.LYCKORNA),
    ),
    Scene(
        want=Reason.OK,
        story="Outlook's form: Anna on behalf of the mailbox",
        fields={"X-Rorpost-Sending-User": None, "Sender": names.ANNA},
    ),
    Scene(
        want=Reason.OK,
        story="To the hospital, with its legal basis",
        recipients=(names.HOSPITAL,),
        fields={"X-Rorpost-Legal-Basis": "samtycke"},
    ),
    Scene(
        want=Reason.TLS_REQUIRED, story="A client that does not encrypt its connection", play=Play.WITHOUT_TLS
    ),
    Scene(want=Reason.LOGIN_REQUIRED, story="A client that does not log in", play=Play.WITHOUT_LOGIN),
    Scene(want=Reason.LOGIN_FAILED, story="A wrong password", play=Play.WRONG_PASSWORD),
    Scene(want=Reason.SENDER_NOT_A_MAILBOX, story="Anna from her own address", sender=names.ANNA),
    Scene(
        want=Reason.RECIPIENT_NOT_A_MAILBOX,
        story="To an ordinary address",
        recipients=("patient@example.org",),
    ),
    Scene(want=Reason.PAIR_NOT_ALLOWED, story="To a unit without a channel", recipients=(names.NO_CHANNEL,)),
    Scene(want=Reason.CHANNEL_NOT_VALID, story="Over a channel that has ended", recipients=(names.CLOSED,)),
    Scene(want=Reason.KEY_MISSING, story="To a unit whose key is not here", recipients=(names.KEY_MISSING,)),
    Scene(want=Reason.KEY_EXPIRED, story="To a unit whose key has expired", recipients=(names.KEY_EXPIRED,)),
    Scene(want=Reason.KEY_REVOKED, story="To a unit whose key is revoked", recipients=(names.KEY_REVOKED,)),
    Scene(
        want=Reason.KEY_UNUSABLE, story="To a unit whose key cannot encrypt", recipients=(names.KEY_UNUSABLE,)
    ),
    Scene(
        want=Reason.USER_NOT_DECLARED,
        story="Nobody is named as the sending user",
        fields={"X-Rorpost-Sending-User": None},
    ),
    Scene(
        want=Reason.USER_MISMATCH,
        story="Anna is logged in, Bo is named",
        fields={"X-Rorpost-Sending-User": names.BO},
    ),
    Scene(want=Reason.USER_NOT_AUTHORISED, story="Carin is not authorised for the mailbox", login="carin"),
    Scene(want=Reason.USER_NOT_VALID, story="Bo's authorisation has ended", login="bo"),
    Scene(
        want=Reason.AUTHOR_MISMATCH,
        story="From names the person, not the mailbox",
        fields={"From": names.ANNA},
    ),
    Scene(
        want=Reason.HIDDEN_RECIPIENT,
        story="A blind copy",
        recipients=(names.BRINKEN, names.LYCKORNA),
        fields={"To": names.BRINKEN},
    ),
    Scene(want=Reason.OUTSIDE_RECIPIENT, story="A relative in Cc", fields={"Cc": "anhorig@example.org"}),
    Scene(
        want=Reason.URGENT, story="Marked urgent: the telephone is for that", fields={"Importance": "high"}
    ),
    Scene(
        want=Reason.IDENTITY_NUMBER_IN_SUBJECT,
        story="A personal identity number in the subject",
        fields={"Subject": "Patient 19121212-1212"},
    ),
    Scene(
        want=Reason.LEGAL_BASIS_MISSING,
        story="To the hospital, without a legal basis",
        recipients=(names.HOSPITAL,),
    ),
    Scene(
        want=Reason.MESSAGE_TOO_LARGE, story="A message that says it is too large", play=Play.SIZE_TOO_LARGE
    ),
    Scene(
        want=Reason.MESSAGE_MALFORMED,
        story="A second message smuggled in behind a bare line feed",
        finish=_bare_line_feed,
    ),
    Scene(
        want=Reason.MAIL_LOOP,
        story="A message that is sealed already",
        fields={"Content-Type": 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="x"'},
    ),
    Scene(
        want=Reason.MESSAGE_TOO_COMPLEX,
        story="A message of 1,001 parts",
        fields={"Content-Type": 'multipart/mixed; boundary="x"'},
        finish=_many_parts,
    ),
    Scene(
        want=Reason.TOO_MANY_RECIPIENTS, story="More recipients than are allowed", play=Play.MANY_RECIPIENTS
    ),
    Scene(want=Reason.TOO_MANY_CONNECTIONS, story="More connections than are allowed", play=Play.CROWD),
    Scene(
        want=Reason.GATEWAY_FULL,
        story="More in flight than memory is set aside for",
        play=Play.FULL,
        fields={"Importance": "high"},
    ),
    Scene(want=Reason.GATEWAY_FAULT, story="A private key that has gone missing", sender=names.BROKEN),
    Scene(
        want=Reason.DUPLICATE,
        story="The first message once more: Outlook did not hear the answer",
        repeats_first=True,
    ),
    Scene(want=Reason.SHUTTING_DOWN, story="The gateway is being stopped", play=Play.SHUT_DOWN),
)
