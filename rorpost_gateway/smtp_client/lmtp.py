"""LMTP, which a mail store speaks: RFC 2033.

Two things differ from SMTP. The client begins with LHLO; and after the end of data
the store answers once for each recipient that it accepted, saying what became of
that recipient's copy. A transaction here has exactly one recipient, so exactly one
answer is read and it is that recipient's. A store that sends more of them is heard
no further: what an answer is about must never be a guess.
"""

import ssl

from rorpost_gateway.smtp_client.base import MailProtocol, Route
from rorpost_gateway.smtp_client.session import Session
from rorpost_gateway.smtp_client.timeouts import Timeouts


class LmtpSession(Session):
    """As `Session`, over TCP (with STARTTLS, as a store offers it) or a Unix socket."""

    hello = "LHLO"
    answers_to_nothing = False


def session_for(route: Route, timeouts: Timeouts, context: ssl.SSLContext | None) -> Session:
    """A connection that speaks what the route says; not open yet."""
    kind = LmtpSession if route.protocol is MailProtocol.LMTP else Session
    return kind(route, timeouts, context)
