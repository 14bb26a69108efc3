"""What tests know of any real IMAP server: two ports of 127.0.0.1, one password, and a plain client's view.

The client is the standard library's, so that what the gateway's own session did is seen by other eyes.
"""

import contextlib
import imaplib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.peers.authority import Authority

PASSWORD = "throw-away"
ANSWER_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class ImapServer:
    """`imap_port` speaks implicit TLS, `starttls_port` begins in the clear; the certificate is for
    `localhost`. A mailbox's login is its address and PASSWORD.
    """

    name: str
    imap_port: int
    starttls_port: int
    authority: Authority

    @contextlib.contextmanager
    def login(self, mailbox: str) -> Iterator[imaplib.IMAP4_SSL]:
        """A session with its INBOX open, over verified TLS."""
        with imaplib.IMAP4_SSL(
            "localhost", self.imap_port, ssl_context=self.authority.client_context(), timeout=ANSWER_SECONDS
        ) as session:
            session.login(mailbox, PASSWORD)
            session.select("INBOX")
            yield session

    def fetched(self, mailbox: str, folder: str = "INBOX") -> list[bytes]:
        """The messages as a mail client fetches them: CRLF line ends. `folder` as it stands on the wire."""
        with self.login(mailbox) as session:
            session.select(folder, readonly=True)
            _, (numbers, *_) = session.search(None, "ALL")
            found = [session.fetch(number.decode(), "(BODY.PEEK[])")[1] for number in numbers.split()]
        return [answer[0][1] for answer in found if isinstance(answer[0], tuple)]

    def flags(self, mailbox: str, folder: str = "INBOX") -> dict[int, frozenset[str]]:
        r"""UID and flags of every message, asked read-only; \Recent aside, which any SELECT takes away."""
        with self.login(mailbox) as session:
            session.select(folder, readonly=True)
            _, answers = session.uid("FETCH", "1:*", "(FLAGS)")
        found = {}
        for answer in answers:
            if isinstance(answer, bytes) and (uid := re.search(rb"UID (\d+)", answer)):
                names = {flag.decode() for flag in imaplib.ParseFlags(answer)}
                found[int(uid[1])] = frozenset(names - {"\\Recent"})
        return found
