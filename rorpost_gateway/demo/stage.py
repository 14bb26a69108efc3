"""Playing scenes at the SMTP prompt, with Python's own smtplib as mail client and as partner's machine."""

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.daemon import Listening
from rorpost_gateway.demo.partner import Partner
from rorpost_gateway.demo.plays import PLAYS, Turn, reply_line
from rorpost_gateway.demo.scenes import Letter, Scene


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the gateways listen. `stop` asks Motala's daemon to end (for the last scene)."""

    listening: Mapping[str, Listening]  # by the folder of the organisation
    tls: ssl.SSLContext
    now: datetime
    partner: Partner
    stop: Callable[[], None]

    def play(self, scene: Scene | Letter, number: int) -> str:
        """Play one scene; the reply line that decided it."""
        try:
            return PLAYS[scene.play](self._turn(scene, number))
        except smtplib.SMTPResponseException as error:
            return reply_line(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return f"no answer: {type(error).__name__}"

    def _turn(self, scene: Scene | Letter, number: int) -> Turn:
        if isinstance(scene, Letter):
            return Turn(
                place=self.listening[names.MOTALA.folder].inbound,
                client_name=f"mx.{names.THEIRS}",
                login=None,
                sender=scene.sender,
                recipients=scene.recipients,
                octets=self.partner.message(scene, number),
                tls=self.tls,
                stop=self.stop,
            )
        return Turn(
            place=self.listening[scene.at.folder].submission,
            client_name=scene.at.client,
            login=scene.login,
            sender=scene.sender,
            recipients=scene.recipients,
            octets=scene.octets(number=0 if scene.repeats_first else number, now=self.now),
            tls=self.tls,
            stop=self.stop,
        )


def reason_in(line: str) -> Reason | None:
    """The reason code that a reply line carries in brackets."""
    _, bracket, rest = line.partition("[")
    code, closing, _ = rest.partition("]")
    return Reason(code) if bracket and closing and code in set(Reason) else None
