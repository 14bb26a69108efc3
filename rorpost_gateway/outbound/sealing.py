"""One copy: protected, signed and encrypted to its recipient alone, and wrapped."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.outbound.submitted import Submitted
from rorpost_gateway.pgpmime import Added, Outer, content_sha256, new_message_id, protect, wrap

# From this size on, copying and hashing is felt by other sessions and goes to a thread.
LARGE_OCTETS = 256 * 1024
SALT_OCTETS = 16


@dataclass(frozen=True, kw_only=True)
class Way:
    """From whom to whom, under which channel, and who stands behind it."""

    sender: str
    recipient: str
    channel: str
    sending_user: str | None
    seal_to: KeyChoice
    sign_with: KeyChoice


@dataclass(frozen=True, kw_only=True)
class SealedCopy:
    """`octets` is the whole outer message; both hashes are lower-case hex."""

    octets: bytes = field(repr=False)
    message_id: str
    content_sha256: str
    sealed_sha256: str


async def seal_copy(
    engine: Engine,
    submitted: Submitted,
    way: Way,
    *,
    salt: bytes,
    hostname: str,
    queue_id: str,
    received_at: float,
) -> SealedCopy:
    """Make the outer message of one copy. Raises SealingFailed."""
    moment = datetime.fromtimestamp(received_at, tz=UTC)
    outer = Outer(
        author=way.sender,
        recipient=way.recipient,
        date=submitted.facts.date or moment,
        message_id=new_message_id(way.sender),
        hostname=hostname,
        queue_id=queue_id,
        received_at=moment,
    )
    added = Added(sending_user=way.sending_user, channel=way.channel, salt=salt, outer=outer)
    message = submitted.message

    def before() -> tuple[bytes, str]:
        return protect(message, added), content_sha256(salt, message)

    large = len(message.octets) > LARGE_OCTETS
    payload, hashed = await asyncio.to_thread(before) if large else before()
    sealing = engine.seal(payload, seal_to=way.seal_to, sign_with=way.sign_with)
    del payload  # the engine's now: a large message should not be held longer than it is needed
    sealed = await sealing
    octets = await asyncio.to_thread(wrap, sealed.armoured, outer) if large else wrap(sealed.armoured, outer)
    return SealedCopy(
        octets=octets,
        message_id=outer.message_id,
        content_sha256=hashed,
        sealed_sha256=sealed.packets_sha256,
    )
