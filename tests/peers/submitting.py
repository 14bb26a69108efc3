"""A mail client for tests: Python's smtplib, and what it heard, step by step."""

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from tests.peers import gateway_world as names

TIMEOUT_SECONDS = 60
_REASON = re.compile(r"\[([a-z-]+)\]")
_QUEUE_ID = re.compile(r"queued as ([0-9A-Za-z]+)")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The last reply: `code` is None where the connection was cut before it came. `step` is its command."""

    step: str
    code: int | None
    text: str = ""
    recipients: dict[str, tuple[int, str]] = field(default_factory=dict)  # as answered at RCPT

    @property
    def accepted(self) -> bool:
        return self.step == "message" and self.code == 250

    @property
    def refused(self) -> bool:
        return self.code is not None and self.code >= 400

    @property
    def cut(self) -> bool:
        return self.code is None

    @property
    def reason(self) -> str | None:
        found = _REASON.search(self.text)
        return found[1] if found else None

    @property
    def queue_id(self) -> str | None:
        found = _QUEUE_ID.search(self.text)
        return found[1] if found else None


def make_message(
    *,
    recipients: tuple[str, ...] = (names.BRINKEN,),
    sender: str = names.HOME_CARE,
    user: str = names.ANNA,
    message_id: str = "<hej.1@klient.motala.se>",
    subject: str = "Fraga om omlaggning",
    body: str = "Hej, kan ni ringa?",
    **fields: str | None,
) -> bytes:
    """A sound message. `fields` replace or add header fields (`_` stands for `-`); None leaves one out."""
    header: dict[str, str | None] = {
        "From": f'"Hemsjukvarden" <{sender}>',
        "To": ", ".join(recipients),
        "Subject": subject,
        "Date": format_datetime(datetime.now(tz=UTC)),
        "Message-ID": message_id,
        "X-Rorpost-Sending-User": user,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    header |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in header.items() if value is not None)
    return f"{lines}\r\n{body}\r\n".encode()


class Submission(smtplib.SMTP):
    """A client that is connected, under TLS and logged in, where not told otherwise. Use it with `with`."""

    def __init__(
        self, address: tuple[str, int], tls: ssl.SSLContext | None, *, login: str | None = "anna"
    ) -> None:
        super().__init__(*address, local_hostname=f"klient.{names.OURS}", timeout=TIMEOUT_SECONDS)
        try:
            self._begin(tls, login)
        except BaseException:
            self.close()
            raise

    def _begin(self, tls: ssl.SSLContext | None, login: str | None) -> None:
        self.ehlo()
        if tls is not None:
            self.starttls(context=tls)
            self.ehlo()
        if login is not None:
            self.login(login, names.PASSWORD)

    def __exit__(self, *_: object) -> None:
        # A gateway that is ending has said 421 by now, and that is no error of the client's.
        with contextlib.suppress(smtplib.SMTPResponseException):
            super().__exit__(None, None, None)

    def envelope(self, sender: str, recipients: tuple[str, ...], *, options: tuple[str, ...] = ()) -> Heard:
        """MAIL and RCPT; the reply that ended them, or the last one. `options` go with each RCPT."""
        code, text = self.mail(sender)
        heard: dict[str, tuple[int, str]] = {}
        if code != 250:
            return _heard("MAIL", code, text)
        for recipient in recipients:
            code, text = self.rcpt(recipient, list(options))
            heard[recipient] = (code, text.decode("ascii"))
        return _heard("RCPT", code, text, heard)

    def begin_data(self) -> tuple[int, bytes]:
        return self.docmd("DATA")

    def send_message_octets(self, octets: bytes) -> None:
        """The message and its end, without waiting for the answer."""
        self.send(_stuffed(octets) + b".\r\n")

    def answer(self, recipients: dict[str, tuple[int, str]] | None = None) -> Heard:
        return _heard("message", *self.getreply(), recipients)


def submit(
    client: Submission,
    octets: bytes,
    *,
    sender: str = names.HOME_CARE,
    recipients: tuple[str, ...] = (names.BRINKEN,),
    options: tuple[str, ...] = (),
) -> Heard:
    """One whole transaction. A connection that is cut is heard as that, and nothing is raised."""
    step = "MAIL"
    try:
        heard = client.envelope(sender, recipients, options=options)
        if not any(code == 250 for code, _ in heard.recipients.values()):
            return heard
        step = "DATA"
        code, text = client.begin_data()
        if code != 354:
            return _heard(step, code, text, heard.recipients)
        step = "message"
        client.send_message_octets(octets)
        return client.answer(heard.recipients)
    except (smtplib.SMTPServerDisconnected, OSError):
        return Heard(step=step, code=None)


def _heard(step: str, code: int, text: bytes, recipients: dict[str, tuple[int, str]] | None = None) -> Heard:
    if code < 0:
        return Heard(step=step, code=None)
    return Heard(step=step, code=code, text=text.decode("ascii"), recipients=recipients or {})


def _stuffed(octets: bytes) -> bytes:
    whole = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", whole)
