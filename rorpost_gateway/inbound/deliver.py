"""Delivering what lies in the queue still sealed: opened again, judged again, made into the reader's copy.

A message that was taken a moment ago is still open, and only judged again. Also for a channel between
two mailboxes behind this gateway: what was sealed here is opened here, by the same
steps. Plaintext is in memory only, for one attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.delivery.base import Delivery, DeliveryOutcome
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.inbound.opened import OpenedMessage, open_message
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.pgpmime.reader import Verification, author_name, make_copy
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import Question, evaluate
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.queue.base import Copy
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reception.transaction import Unacceptable

log = structlog.get_logger()

_ANY_AGE = timedelta(days=36500)  # how old it was is judged when it comes in, not while it waits here


class NotOpened(GatewayError):
    """The copy could not be opened just now, for the gateway's own trouble; it is to be tried again."""


class NoLongerAllowed(GatewayError):
    """Policy or keys have changed since the message was taken; `reason` says how."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"no longer allowed: {reason}")
        self.reason = reason


async def open_again(octets: bytes, *, opener: Opener, hostname: str, longest_octets: int) -> OpenedMessage:
    """What the queue holds, which could be opened once. Raises NotOpened and NoLongerAllowed."""
    try:
        return await open_message(octets, opener=opener, hostname=hostname, longest_octets=longest_octets)
    except Unacceptable as error:
        # It was acceptable once: a key has gone, or holds no longer. Trying again would not help.
        log.warning("opens-no-longer", reason=error.reason, why=error.private)
        raise NoLongerAllowed(error.reason) from error
    except GatewayError as error:
        raise NotOpened("the message cannot be opened now", private=error.private) from error


@dataclass(frozen=True, kw_only=True)
class Deliverer:
    """`show_person` puts the sending user into the reader's From field."""

    opener: Opener
    delivery: Delivery
    in_force: Callable[[], InForce]
    now: Callable[[], float]
    hostname: str
    own_domains: frozenset[str]
    longest_octets: int
    show_person: bool
    still_open: StillOpen = field(default_factory=StillOpen.nothing)

    async def deliver(self, copy: Copy, octets: bytes) -> DeliveryOutcome:
        """One attempt. Raises NotOpened and NoLongerAllowed; nothing was delivered then."""
        opened = await self._opened(copy, octets)
        in_force = self.in_force()
        verdict = await self._judge(in_force, copy, opened)
        if not verdict.accepted:
            raise NoLongerAllowed(verdict.reason)
        return await self.delivery.deliver(
            copy.recipient,
            self._reader_copy(in_force.policy, copy, opened, verdict),
            reverse_path=copy.message.reverse_path,
            unique=f"{copy.message.queue_id}.{copy.decision_id}",
        )

    async def _opened(self, copy: Copy, octets: bytes) -> OpenedMessage:
        """As it was opened at the prompt, if that was just now; else opened again."""
        opened = self.still_open.take(copy.message.queue_id, copy.recipient)
        if opened is not None and opened.opened.packets_sha256 == copy.sealed_sha256:
            return opened
        return await open_again(
            octets, opener=self.opener, hostname=self.hostname, longest_octets=self.longest_octets
        )

    async def _judge(self, in_force: InForce, copy: Copy, opened: OpenedMessage) -> Verdict:
        at = datetime.fromtimestamp(self.now(), tz=UTC)
        await opened.look_into(
            content_to_look_at(
                in_force.policy,
                Direction.INBOUND,
                sender=copy.message.reverse_path,
                recipients=(copy.recipient,),
                at=at,
            )
        )
        return evaluate(
            in_force.policy,
            in_force.keys,
            Question(
                direction=Direction.INBOUND,
                at=at,
                sender=copy.message.reverse_path,
                recipient=copy.recipient,
                own_domains=self.own_domains,
                facts=opened.facts,
                seal=opened.seal_for(
                    copy.recipient, reverse_path=copy.message.reverse_path, keys=in_force.keys, at=at
                ),
                max_age=_ANY_AGE,
            ),
        )

    def _reader_copy(self, policy: Policy, copy: Copy, opened: OpenedMessage, verdict: Verdict) -> bytes:
        user = verdict.declared_user.address if verdict.declared_user else None
        return make_copy(
            opened.protected,
            Verification(
                channel=verdict.channel or copy.channel,
                sending_user=user,
                signed_by=opened.signature.signer,
                decision_id=copy.decision_id,
            ),
            show=_shown(policy, copy.message.reverse_path, user) if self.show_person else None,
            outer=None if opened.protected.protected else opened.outer,
            signed_at=opened.signature.signed_at,
        )


def _shown(policy: Policy, sender: str, user: str | None) -> str | None:
    """The name to show in From: the person, by the policy's name or the address, and the unit.

    Where no person was stated it is the unit's alone: the name that the partner wrote there
    is not one that anybody vouches for.
    """
    mailbox = policy.mailbox(sender)
    if mailbox is None:
        return None
    if user is None:
        return mailbox.name
    named = next((period.name for period in mailbox.users.get(user, ()) if period.name), None)
    return author_name(named or user, mailbox.name)
