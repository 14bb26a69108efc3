"""What the rest of the house knows of delivery to this side's own function mailboxes.

What is delivered is opened mail, or a notice of the gateway's own. Every outcome
carries one line of printable ASCII and the next hop's name, as decision lines and
DSNs need them. A line that begins with three digits is a mail server's reply, of a
refusal the codes alone; one that begins with an enhanced status code (RFC 3463) is this gateway's finding.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rorpost_gateway.errors import GatewayError


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """It is in the mailbox, or a mail server took responsibility for it."""

    reply: str
    next_hop: str


@dataclass(frozen=True, kw_only=True)
class DeferredDelivery:
    """Not now: to be tried again with the same `unique`. `private` is for the operator's log only."""

    reply: str
    next_hop: str
    private: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class FailedDelivery:
    """Never: the sender is to be told. `private` is for the operator's log only."""

    reply: str
    next_hop: str
    private: str = field(default="", repr=False)


DeliveryOutcome = Delivered | DeferredDelivery | FailedDelivery


class DeliveryFailed(GatewayError):
    """A notice is not in its mailbox; it may be tried again."""


class NoticeRefused(DeliveryFailed):
    """A notice is refused for good: somebody has to tell the sender by another way."""


class Delivery(Protocol):
    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        """Put one message (CRLF line ends throughout) into the mailbox of `recipient`.

        Delivered means durable. Nothing but trace fields is ever put in front of the octets,
        and nothing in them is changed. `reverse_path` (empty for the null path) is whom the
        message came from: a Return-Path field names it, in a Maildir and over IMAP; a mail server is
        given the null path instead, so that it never answers an opened message (with a bounce, or an
        absence notice) out into the open.

        `unique` names this delivery in at most 200 letters, digits, `.`, `_` and `-`; an attempt
        is repeated with the same octets and the same name. In a Maildir the same name twice is
        one message, whether or not it has been read meanwhile; over IMAP too, while it lies where
        it was put. A mail server whose answer was not heard may have the message twice: the
        same octets, with the same Message-ID.

        Never raises for what a disk, a network or a mail server can do; ValueError for a
        `unique` that is no such name.
        """
        ...
