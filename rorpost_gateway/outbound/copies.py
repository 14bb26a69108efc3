"""One copy on its way into the queue, with its decision line: a recipient's, or for a Sent folder."""

from rorpost_gateway.decision import Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.envelope import Recipient
from rorpost_gateway.outbound.sealing import SALT_OCTETS, SealedCopy, Way, seal_copy
from rorpost_gateway.outbound.submitted import Submitted
from rorpost_gateway.queue.base import NewCopy, Purpose
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House
from rorpost_gateway.stages import Stage


async def sealed(
    house: House, submitted: Submitted, way: Way, *, queue_id: str, received_at: float
) -> SealedCopy:
    """Raises SealingFailed."""
    with house.stages.timed(Stage.SEAL):
        return await seal_copy(
            house.engine,
            submitted,
            way,
            salt=house.random(SALT_OCTETS),
            hostname=house.hostname,
            queue_id=queue_id,
            received_at=received_at,
        )


def with_line(
    account: Account,
    verdict: Verdict,
    recipient: Recipient,
    way: Way,
    copy: SealedCopy,
    *,
    queue_id: str,
    digest: str,
    purpose: Purpose = Purpose.MESSAGE,
) -> tuple[NewCopy, Record]:
    """The copy and its line, under one decision id. `digest` knows this submission again."""
    new = NewCopy(
        recipient=recipient.address,
        decision_id=account.new_id(),
        channel=way.channel,
        outer_message_id=copy.message_id,
        encrypted_to=way.seal_to.primary,
        encrypted_to_subkey=way.seal_to.subkey,
        signed_by=way.sign_with.primary,
        signed_by_subkey=way.sign_with.subkey,
        sealed_sha256=copy.sealed_sha256,
        sealed=copy.octets,
        submission_digest=digest,
        notify=recipient.notify,
        original_recipient=recipient.original_recipient,
        purpose=purpose,
    )
    line = account.line(
        verdict,
        new.recipient,
        decision_id=new.decision_id,
        queue_id=queue_id,
        content_sha256=copy.content_sha256,
        sealed_sha256=new.sealed_sha256,
        encrypted_to=new.encrypted_to,
        signed_by=new.signed_by,
    )
    return new, line
