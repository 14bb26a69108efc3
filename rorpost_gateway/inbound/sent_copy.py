"""A copy for the sending mailbox's Sent folder, which waited sealed: opened and put there.

What was sealed here is opened here: it must be this copy, whole, and under the signature of the
key that sealed it. Whether it may still go is judged before it comes here. Plaintext is in
memory only, for one attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import DeliveryOutcome
from rorpost_gateway.delivery.sent import SentFolders
from rorpost_gateway.inbound.deliver import NoLongerAllowed, open_again
from rorpost_gateway.inbound.opened import OpenedMessage
from rorpost_gateway.openpgp.base import KeyIndex, Opener
from rorpost_gateway.pgpmime.reader import Verification, make_copy
from rorpost_gateway.policy.message_inquiry import SENDING_USER_FIELD
from rorpost_gateway.queue.base import Copy

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class SentCopies:
    """What the relay's attempts at sent copies go by."""

    opener: Opener
    folders: SentFolders
    keys: Callable[[], KeyIndex]
    now: Callable[[], float]
    hostname: str
    longest_octets: int

    async def put(self, copy: Copy, octets: bytes) -> DeliveryOutcome:
        """One attempt. Raises NotOpened and NoLongerAllowed; nothing was put there then."""
        opened = await open_again(
            octets, opener=self.opener, hostname=self.hostname, longest_octets=self.longest_octets
        )
        if reason := self._fault(copy, opened):
            log.warning("not-the-copy-that-was-sealed", reason=reason)
            raise NoLongerAllowed(reason)
        return await self.folders.put(
            copy.recipient,
            _readable(copy, opened),
            sent_at=datetime.fromtimestamp(copy.message.received_at, tz=UTC),
            unique=f"{copy.message.queue_id}.{copy.decision_id}",
        )

    def _fault(self, copy: Copy, opened: OpenedMessage) -> Reason | None:
        if opened.opened.packets_sha256 != copy.sealed_sha256 or opened.protected.restored is None:
            return Reason.MESSAGE_MALFORMED
        signature = opened.signature
        if (signature.signer, signature.signer_subkey) != (copy.signed_by, copy.signed_by_subkey):
            return Reason.SIGNER_MISMATCH
        at = datetime.fromtimestamp(self.now(), tz=UTC)
        return self.keys().accepts(
            signature.signer, signature.signer_subkey, signed_at=signature.signed_at, at=at
        )


def _readable(copy: Copy, opened: OpenedMessage) -> bytes:
    """The message as it was submitted, with what the gateway found in front."""
    return make_copy(
        opened.protected,
        Verification(
            channel=copy.channel,
            sending_user=opened.protected.added.get(SENDING_USER_FIELD),
            signed_by=opened.signature.signer,
            decision_id=copy.decision_id,
        ),
    )
