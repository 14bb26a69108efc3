"""The copy for the sending mailbox's own Sent folder: sealed to that mailbox, queued with the message.

It waits sealed like every other copy, and has a decision line of its own. Nothing that goes
wrong with it here concerns the message: where it cannot be made, its line says why.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import KeyChoice, Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.envelope import Notify, Recipient
from rorpost_gateway.outbound.copies import sealed, with_line
from rorpost_gateway.outbound.sealing import Way
from rorpost_gateway.outbound.submitted import Submitted
from rorpost_gateway.policy.sent_copies import SentCopyQuestion, keys_for_sent_copy
from rorpost_gateway.queue.base import NewCopy, Purpose
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House

log = structlog.get_logger()

_NOBODY_HEARS = frozenset({Notify.NEVER})  # whoever sent the message hears of the message only


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was sent. `channel` names every channel it went by; `digest` knows this submission again."""

    sender: str
    submitted: Submitted
    channel: str
    sending_user: str | None
    queue_id: str
    received_at: float
    digest: str


async def make_sent_copy(house: House, account: Account, sent: Sent) -> tuple[NewCopy | None, Record]:
    """The copy and its line; without the copy where it cannot be made. Raises nothing of its own."""
    at = datetime.fromtimestamp(sent.received_at, tz=UTC)
    question = SentCopyQuestion(mailbox=sent.sender, at=at, own_domains=house.own_domains)
    verdict = keys_for_sent_copy(account.in_force.policy, account.in_force.keys, question)
    verdict = replace(verdict, channel=sent.channel)
    if verdict.seal_to is None or verdict.sign_with is None:
        return _not_made(account, sent, verdict, verdict.reason)
    way = _way(sent, verdict.seal_to, verdict.sign_with)
    try:
        copy = await sealed(house, sent.submitted, way, queue_id=sent.queue_id, received_at=sent.received_at)
    except Exception as error:  # noqa: BLE001  whatever it is, the message itself is sealed and may go
        log.error("sent-copy-not-sealed", error=error)
        return _not_made(account, sent, verdict, Reason.GATEWAY_FAULT)
    if len(copy.octets) > house.sealed_size_for(domain_of(sent.sender)):
        return _not_made(account, sent, verdict, Reason.MESSAGE_TOO_LARGE)
    recipient = Recipient(address=sent.sender, notify=_NOBODY_HEARS)
    return with_line(
        account,
        verdict,
        recipient,
        way,
        copy,
        queue_id=sent.queue_id,
        digest=sent.digest,
        purpose=Purpose.SENT_COPY,
    )


def _way(sent: Sent, seal_to: KeyChoice, sign_with: KeyChoice) -> Way:
    return Way(
        sender=sent.sender,
        recipient=sent.sender,
        channel=sent.channel,
        sending_user=sent.sending_user,
        seal_to=seal_to,
        sign_with=sign_with,
    )


def _not_made(account: Account, sent: Sent, verdict: Verdict, reason: Reason) -> tuple[None, Record]:
    log.warning("sent-copy-not-made", reason=reason.value, queue_id=sent.queue_id)
    return None, account.line(verdict, sent.sender, reason=reason, queue_id=sent.queue_id)
