"""Delivery through a mail server over SMTP: 250 is its promise, and it keeps the mailbox.

Invariants: opened mail crosses a network only to a server whose certificate was
verified; its octets are never re-encoded (a server without 8BITMIME does not get an
8-bit message); nothing that the server does with the message afterwards sends any
of it back out: it gets the null reverse-path, and is asked for no DSN. Of its refusals
the codes alone are handed on: it has seen the message opened, and what a content filter
says quotes it, while decision log and notices are for other eyes.

RFC 5321, section 4.5.5; RFC 3461, section 4.1; RFC 3834, section 2 (no automatic
answer to the null path). Lines beyond 998 octets go as they are, against RFC 5321,
section 4.5.3.1.6, since breaking them would change the message.
"""

import re

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.delivery.grammar import fault_of
from rorpost_gateway.envelope import Notify
from rorpost_gateway.smtp_client.base import Client, Deferred, MailProtocol, Outgoing, Relayed, Route, TlsMode

_NULL_PATH = ""
_SERVER_CODES = re.compile(r"[245][0-9]{2}(?: [245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.]))?(?![0-9])")


class SmtpDelivery:
    """See `base.Delivery`. Raises ValueError for a route that opened mail must not take."""

    protocol = MailProtocol.SMTP

    def __init__(self, client: Client, route: Route) -> None:
        if route.protocol is not self.protocol:
            raise ValueError(f"the route speaks {route.protocol}, not {self.protocol}")
        if route.tls is TlsMode.ENCRYPT:
            raise ValueError("opened mail does not go to a server whose certificate is not verified")
        self._client = client
        self._route = route

    async def deliver(
        self,
        recipient: str,
        octets: bytes,
        *,
        reverse_path: str,  # noqa: ARG002  (a mail server is not told; see `base.Delivery`)
        unique: str,
    ) -> DeliveryOutcome:
        if fault := fault_of(recipient, next_hop=self._route.next_hop):
            return fault
        outgoing = Outgoing(
            reverse_path=_NULL_PATH,
            recipient=recipient,
            octets=octets,
            envid=unique,
            notify=frozenset({Notify.NEVER}),
        )
        attempt = await self._client.send(self._route, outgoing)
        match attempt:
            case Relayed():
                return Delivered(reply=attempt.reply, next_hop=attempt.next_hop)
            case Deferred():
                return DeferredDelivery(reply=_without_words(attempt.reply), next_hop=attempt.next_hop)
            case _:
                return FailedDelivery(reply=_without_words(attempt.reply), next_hop=attempt.next_hop)


def _without_words(reply: str) -> str:
    """The codes of a server's own reply; what this gateway found itself says nothing of the message."""
    codes = _SERVER_CODES.match(reply)
    return f"{codes[0]} the mailbox did not take the message" if codes else reply
