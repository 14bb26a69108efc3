"""Playing scenes at the SMTP prompt, with Python's own smtplib as the mail client."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.scenes import Play, Scene

MANY = 12
HALF = 1_600_000


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the gateway listens. `stop` asks the daemon to end (for the last scene)."""

    host: str
    port: int
    tls: ssl.SSLContext
    now: datetime
    stop: Callable[[], None]

    def play(self, scene: Scene, number: int) -> str:
        """Play one scene; the reply line that decided it."""
        octets = scene.octets(number=0 if scene.repeats_first else number, now=self.now)
        try:
            return _PLAYS[scene.play](self, scene, octets)
        except smtplib.SMTPResponseException as error:
            return _line(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return f"no answer: {type(error).__name__}"

    def client(self, *, tls: bool = True, login: str | None = None) -> smtplib.SMTP:
        client = smtplib.SMTP(self.host, self.port, local_hostname="klient.motala.se", timeout=30)
        client.ehlo()
        if tls:
            client.starttls(context=self.tls)
            client.ehlo()
        if login is not None:
            client.login(login, names.PASSWORD)
        return client


def _submit(stage: Stage, scene: Scene, octets: bytes) -> str:
    with stage.client(login=scene.login) as client:
        return _transaction(client, scene, octets)


def _transaction(client: smtplib.SMTP, scene: Scene, octets: bytes) -> str:
    code, text = client.mail(scene.sender, [f"SIZE={len(octets)}"])
    if code != 250:
        return _line(code, text)
    for recipient in scene.recipients:
        code, text = client.rcpt(recipient)
        if code != 250:
            return _line(code, text)
    code, text = client.docmd("DATA")
    if code != 354:
        return _line(code, text)
    client.send(_stuffed(octets) + b".\r\n")
    return _line(*client.getreply())


def _stuffed(octets: bytes) -> bytes:
    return octets.replace(b"\r\n.", b"\r\n..")


def _without_tls(stage: Stage, scene: Scene, octets: bytes) -> str:
    with stage.client(tls=False) as client:
        return _transaction(client, scene, octets)


def _without_login(stage: Stage, scene: Scene, octets: bytes) -> str:
    with stage.client() as client:
        return _transaction(client, scene, octets)


def _wrong_password(stage: Stage, scene: Scene, octets: bytes) -> str:  # noqa: ARG001
    with stage.client() as client:
        client.login(scene.login, "fel-losenord-fel")
    return "the login was taken"


def _size_too_large(stage: Stage, scene: Scene, octets: bytes) -> str:  # noqa: ARG001
    with stage.client(login=scene.login) as client:
        return _line(*client.mail(scene.sender, ["SIZE=99999999"]))


def _many_recipients(stage: Stage, scene: Scene, octets: bytes) -> str:  # noqa: ARG001
    with stage.client(login=scene.login) as client:
        client.mail(scene.sender)
        for recipient in (names.BRINKEN, names.LYCKORNA, names.BRINKEN):
            client.rcpt(recipient)
        return _line(*client.rcpt(names.LYCKORNA))


def _crowd(stage: Stage, scene: Scene, octets: bytes) -> str:  # noqa: ARG001
    with ExitStack() as crowd:
        try:
            for _ in range(MANY):
                crowd.enter_context(stage.client(tls=False))
        except smtplib.SMTPConnectError as error:
            return _line(error.smtp_code, error.smtp_error)
        except smtplib.SMTPServerDisconnected:
            return "disconnected"
    return "all were let in"


def _full(stage: Stage, scene: Scene, octets: bytes) -> str:
    """One client is half way through a large message when another begins.

    Neither message would be taken by itself (the scene's is urgent), so that nothing is left of them.
    """
    large = octets + b"rad\r\n" * (HALF // 5)
    with stage.client(login=scene.login) as first, stage.client(login=scene.login) as second:
        for client in (first, second):
            client.mail(scene.sender)
            client.rcpt(scene.recipients[0])
        first.docmd("DATA")
        first.send(_stuffed(large))
        second.docmd("DATA")
        second.send(_stuffed(large) + b".\r\n")
        code, text = second.getreply()
        if code == 452:
            first.close()
        else:  # it overtook the first one, which then had no room
            first.send(b".\r\n")
            code, text = first.getreply()
        return _line(code, text)


def _shut_down(stage: Stage, scene: Scene, octets: bytes) -> str:  # noqa: ARG001
    with stage.client(login=scene.login) as client:
        stage.stop()
        return _line(*client.getreply())


def _line(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('ascii', 'replace') if isinstance(text, bytes) else text}"


_PLAYS: dict[Play, Callable[[Stage, Scene, bytes], str]] = {
    Play.SUBMIT: _submit,
    Play.WITHOUT_TLS: _without_tls,
    Play.WITHOUT_LOGIN: _without_login,
    Play.WRONG_PASSWORD: _wrong_password,
    Play.SIZE_TOO_LARGE: _size_too_large,
    Play.MANY_RECIPIENTS: _many_recipients,
    Play.CROWD: _crowd,
    Play.FULL: _full,
    Play.SHUT_DOWN: _shut_down,
}


def reason_in(line: str) -> Reason | None:
    """The reason code that a reply line carries in brackets."""
    _, bracket, rest = line.partition("[")
    code, closing, _ = rest.partition("]")
    return Reason(code) if bracket and closing and code in set(Reason) else None
