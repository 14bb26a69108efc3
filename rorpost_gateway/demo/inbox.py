"""Home care's inbox as a mail client has it: over IMAP, with a login of its own, under TLS."""

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from rorpost_gateway.demo import names
from rorpost_gateway.demo.scenes import message

_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """Every method connects, works and logs out; none is to be called on an event loop."""

    mailbox: str
    port: int
    tls: ssl.SSLContext

    def figures(self) -> tuple[int, int]:
        """How many messages there are, and how many of them unread. Looking changes nothing."""
        with self._open(readonly=True) as session:
            return len(_found(session, "ALL")), len(_found(session, "UNSEEN"))

    def read(self) -> None:
        """Open everything that is unread, which marks it as read."""
        with self._open() as session:
            for number in _found(session, "UNSEEN"):
                session.fetch(number, "(BODY[])")

    def lay(self, at: datetime) -> None:
        r"""A message that no gateway knows, marked as read. `at` is aware."""
        octets = message(
            {
                "From": names.EVA,
                "To": self.mailbox,
                "Subject": "Vidarebefordrat",
                "Date": format_datetime(at),
                "Message-ID": f"<utanfor@{names.OURS}>",
            },
            "Se bifogat.",
        )
        with self._open() as session:
            session.append("INBOX", "(\\Seen)", at, octets)

    @contextmanager
    def _open(self, *, readonly: bool = False) -> Iterator[imaplib.IMAP4_SSL]:
        with imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=self.tls, timeout=_SECONDS) as session:
            session.login(self.mailbox, names.PASSWORD)
            session.select("INBOX", readonly=readonly)
            yield session


def _found(session: imaplib.IMAP4_SSL, criterion: str) -> list[str]:
    _, (numbers, *_) = session.search(None, criterion)
    return str(numbers, "ascii").split()
