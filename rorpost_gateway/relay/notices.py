"""Notices to the sending mailbox: which, when, and never twice.

A notice's name is made of what it is about, so that telling the same thing again,
after a crash between any two steps, is no second message. A notice has the null path,
and is never about a notice. One to a partner's mailbox is not sealed: nothing is in it
that stood under a seal, or that came from whoever has seen the message opened.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from rorpost_gateway.decision import Direction
from rorpost_gateway.delivery.base import Delivered, Delivery, DeliveryFailed, FailedDelivery, NoticeRefused
from rorpost_gateway.dsn import Happened, Recipient, Reported, build_dsn, wanted
from rorpost_gateway.queue.base import Copy
from rorpost_gateway.reply import Language

_CODES = re.compile(r"[245][0-9]{2}(?: [245]\.[0-9]{1,3}\.[0-9]{1,3})?|[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_NULL_PATH = ""
_TOLD_AS = {Happened.EXPIRED: Happened.FAILED.value}  # a copy fails once, whatever for


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Who reads a mailbox, as the policy in force says; None where it does not say."""

    name: str | None
    phone: str | None


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """What an attempt was told, and when it ended (seconds since the epoch, UTC)."""

    reply: str | None
    next_hop: str | None
    at: float | None


NOT_ATTEMPTED = Attempted(reply=None, next_hop=None, at=None)


class Notices:
    def __init__(
        self,
        *,
        delivery: Delivery,
        hostname: str,
        zone: tzinfo,
        language: Language,
        unit_of: Callable[[str], Unit],
    ) -> None:
        self._delivery = delivery
        self._hostname = hostname
        self._zone = zone
        self._language = language
        self._unit_of = unit_of

    async def tell(
        self,
        happened: Happened,
        copy: Copy,
        outer: bytes,
        attempted: Attempted,
        *,
        now: float,
        retry_until: float | None = None,
    ) -> bool:
        """Deliver the DSN, where the sender wants one; False where not. Raises DeliveryFailed."""
        message = copy.message
        if not message.reverse_path or not wanted(copy.notify, happened):
            return False
        octets = build_dsn(
            happened=happened,
            reported=Reported(
                queue_id=message.queue_id,
                sender=message.reverse_path,
                received_at=message.received_at,
                message_id=_known_outside(copy),
                envid=message.envid,
                outer=outer,
            ),
            recipients=[self._recipient(copy, attempted)],
            hostname=self._hostname,
            now=now,
            zone=self._zone,
            language=self._language,
            retry_until=retry_until,
        )
        outcome = await self._delivery.deliver(
            message.reverse_path, octets, reverse_path=_NULL_PATH, unique=name(happened, copy)
        )
        if isinstance(outcome, FailedDelivery):
            raise NoticeRefused(outcome.reply, private=outcome.private)
        if not isinstance(outcome, Delivered):
            raise DeliveryFailed(outcome.reply, private=outcome.private)
        return True

    def _recipient(self, copy: Copy, attempted: Attempted) -> Recipient:
        unit, direction = self._unit_of(copy.recipient), copy.message.direction
        return Recipient(
            address=copy.recipient,
            unit=unit.name,
            phone=unit.phone,
            original_recipient=copy.original_recipient,
            reply=_repeatable(attempted.reply, direction),
            # Which server keeps our mailboxes, and where, is no partner's business.
            next_hop=attempted.next_hop if direction is Direction.OUTBOUND else None,
            last_attempt_at=attempted.at,
        )


def _known_outside(copy: Copy) -> str | None:
    """The Message-ID that a notice may name.

    A notice to a partner goes in clear text: it names the one that stood outside the seal, not
    the one inside, which tells of the partner's own network.
    """
    message = copy.message
    return message.message_id if message.direction is Direction.OUTBOUND else copy.outer_message_id or None


def _repeatable(reply: str | None, direction: Direction) -> str | None:
    """What the sender may read of a reply.

    A partner reads the codes only: our own mail server has seen the message opened, and
    its words may quote it.
    """
    if reply is None or direction is Direction.OUTBOUND:
        return reply
    codes = _CODES.match(reply)
    return f"{codes[0]} the mailbox did not take the message" if codes else None


def name(happened: Happened, copy: Copy) -> str:
    """The notice's own name: the same for the same thing about the same copy."""
    digest = hashlib.sha256(copy.recipient.encode("utf-8")).hexdigest()[:16]
    kind = _TOLD_AS.get(happened, happened.value)
    return f"{int(copy.message.received_at)}.{copy.message.queue_id}.{digest}.{kind}"
