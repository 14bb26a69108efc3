"""How scenes are played at the SMTP prompt, with Python's own smtplib as client."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from rorpost_gateway.demo import names
from rorpost_gateway.demo.daemon import Place
from rorpost_gateway.demo.scenes import Play

MANY = 12
HALF = 1_600_000
_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One client's turn: where it connects, as whom, with what."""

    place: Place
    client_name: str
    login: str | None
    sender: str
    recipients: tuple[str, ...]
    octets: bytes
    tls: ssl.SSLContext
    stop: Callable[[], None]  # asks the daemon to end (for the last scene)

    def client(self, *, tls: bool = True, login: bool = True, source: str | None = None) -> smtplib.SMTP:
        host, port = self.place
        client = smtplib.SMTP(
            host,
            port,
            local_hostname=self.client_name,
            timeout=_SECONDS,
            source_address=(source, 0) if source else None,
        )
        client.ehlo()
        if tls:
            client.starttls(context=self.tls)
            client.ehlo()
        if tls and login and self.login is not None:
            client.login(self.login, names.PASSWORD)
        return client

    def transaction(self, client: smtplib.SMTP) -> str:
        code, text = client.mail(self.sender, [f"SIZE={len(self.octets)}"])
        for recipient in self.recipients:
            if code == 250:
                code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.docmd("DATA")
        if code != 354:
            return reply_line(code, text)
        client.send(_stuffed(self.octets) + b".\r\n")
        return reply_line(*client.getreply())


def _ordinary(turn: Turn) -> str:
    with turn.client() as client:
        return turn.transaction(client)


def _without_tls(turn: Turn) -> str:
    with turn.client(tls=False) as client:
        return turn.transaction(client)


def _without_login(turn: Turn) -> str:
    with turn.client(login=False) as client:
        return turn.transaction(client)


def _wrong_password(turn: Turn) -> str:
    with turn.client(login=False) as client:
        client.login(turn.login or "", "fel-losenord-fel")
    return "the login was taken"


def _from_elsewhere(turn: Turn) -> str:
    with turn.client(source=names.ELSEWHERE) as client:
        return turn.transaction(client)


def _size_too_large(turn: Turn) -> str:
    with turn.client() as client:
        return reply_line(*client.mail(turn.sender, ["SIZE=99999999"]))


def _many_recipients(turn: Turn) -> str:
    """One after the other, again and again, until it is enough."""
    with turn.client() as client:
        code, text = client.mail(turn.sender)
        for _ in range(MANY):
            if code == 250:
                code, text = client.rcpt(turn.recipients[0])
        return reply_line(code, text)


def _crowd(turn: Turn) -> str:
    with ExitStack() as crowd:
        try:
            for _ in range(MANY):
                crowd.enter_context(turn.client(tls=False))
        except smtplib.SMTPConnectError as error:
            return reply_line(error.smtp_code, error.smtp_error)
        except smtplib.SMTPServerDisconnected:
            return "disconnected"
    return "all were let in"


def _full(turn: Turn) -> str:
    """One client is half way through a large message when another begins.

    Neither message would be taken by itself (the scene's is urgent), so that nothing is left of them.
    """
    large = turn.octets + b"rad\r\n" * (HALF // 5)
    with turn.client() as first, turn.client() as second:
        for client in (first, second):
            client.mail(turn.sender)
            client.rcpt(turn.recipients[0])
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
        return reply_line(code, text)


def _shut_down(turn: Turn) -> str:
    with turn.client() as client:
        turn.stop()
        return reply_line(*client.getreply())


def _stuffed(octets: bytes) -> bytes:
    return octets.replace(b"\r\n.", b"\r\n..")


def reply_line(code: int, text: bytes | str) -> str:
    """Code and text of a reply as one line."""
    return f"{code} {text.decode('ascii', 'replace') if isinstance(text, bytes) else text}"


PLAYS: dict[Play, Callable[[Turn], str]] = {
    Play.ORDINARY: _ordinary,
    Play.WITHOUT_TLS: _without_tls,
    Play.WITHOUT_LOGIN: _without_login,
    Play.WRONG_PASSWORD: _wrong_password,
    Play.FROM_ELSEWHERE: _from_elsewhere,
    Play.SIZE_TOO_LARGE: _size_too_large,
    Play.MANY_RECIPIENTS: _many_recipients,
    Play.CROWD: _crowd,
    Play.FULL: _full,
    Play.SHUT_DOWN: _shut_down,
}
