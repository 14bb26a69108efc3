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
from rorpost_gateway.envelope import Notify
from rorpost_gateway.outbound.sealing import SALT_OCTETS, SealedCopy, Way, seal_copy
from rorpost_gateway.outbound.submitted import Submitted
from rorpost_gateway.policy.sent_copies import SentCopyQuestion, keys_for_sent_copy
from rorpost_gateway.queue.base import NewCopy, Purpose
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House
from rorpost_gateway.stages import Stage

log = structlog.get_logger()


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
        copy = await _seal(house, sent, way)
    except Exception as error:  # noqa: BLE001  whatever it is, the message itself is sealed and may go
        log.error("sent-copy-not-sealed", error=error)
        return _not_made(account, sent, verdict, Reason.GATEWAY_FAULT)
    if len(copy.octets) > house.sealed_size_for(domain_of(sent.sender)):
        return _not_made(account, sent, verdict, Reason.MESSAGE_TOO_LARGE)
    new = _new_copy(sent, way, copy, decision_id=account.new_id())
    line = account.line(
        verdict,
        sent.sender,
        decision_id=new.decision_id,
        queue_id=sent.queue_id,
        content_sha256=copy.content_sha256,
        sealed_sha256=copy.sealed_sha256,
        encrypted_to=new.encrypted_to,
        signed_by=new.signed_by,
    )
    return new, line


def _way(sent: Sent, seal_to: KeyChoice, sign_with: KeyChoice) -> Way:
    return Way(
        sender=sent.sender,
        recipient=sent.sender,
        channel=sent.channel,
        sending_user=sent.sending_user,
        seal_to=seal_to,
        sign_with=sign_with,
    )


async def _seal(house: House, sent: Sent, way: Way) -> SealedCopy:
    with house.stages.timed(Stage.SEAL):
        return await seal_copy(
            house.engine,
            sent.submitted,
            way,
            salt=house.random(SALT_OCTETS),
            hostname=house.hostname,
            queue_id=sent.queue_id,
            received_at=sent.received_at,
        )


def _not_made(account: Account, sent: Sent, verdict: Verdict, reason: Reason) -> tuple[None, Record]:
    log.warning("sent-copy-not-made", reason=reason.value, queue_id=sent.queue_id)
    return None, account.line(verdict, sent.sender, reason=reason, queue_id=sent.queue_id)


def _new_copy(sent: Sent, way: Way, copy: SealedCopy, *, decision_id: str) -> NewCopy:
    return NewCopy(
        recipient=way.recipient,
        decision_id=decision_id,
        channel=way.channel,
        outer_message_id=copy.message_id,
        encrypted_to=way.seal_to.primary,
        encrypted_to_subkey=way.seal_to.subkey,
        signed_by=way.sign_with.primary,
        signed_by_subkey=way.sign_with.subkey,
        sealed_sha256=copy.sealed_sha256,
        sealed=copy.octets,
        submission_digest=sent.digest,
        notify=frozenset({Notify.NEVER}),  # whoever sent the message hears of the message only
        purpose=Purpose.SENT_COPY,
    )
