"""What the rules read of a message: facts, taken once, without its body. Frozen, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rorpost_gateway.decision import Reason


@dataclass(frozen=True, kw_only=True)
class MessageFacts:
    """Addresses are lower case and bare; display names are left out, since none matters.

    `fields` maps lower-case header field names to their unfolded values in order
    (every field of the header block, so that the policy can name its own).
    `bcc_present` counts an empty Bcc field too.
    """

    authors: tuple[str, ...]  # From
    sender: tuple[str, ...] = ()  # Sender; at most one in a sound message
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    receipts_to: tuple[str, ...] = ()  # every kind of receipt request
    bcc_present: bool = False
    message_id: str | None = None  # with its angle brackets
    date: datetime | None = None  # with its offset
    subject: str = ""  # decoded (RFC 2047), unfolded
    urgent: bool = False  # Importance, X-Priority, Priority or X-MSMail-Priority
    sealed_already: bool = False  # the message as a whole is OpenPGP or S/MIME encrypted
    received_count: int = 0
    received_here: bool = False  # a Received field names this gateway
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SealFacts:
    """What opening a partner's message showed, beside the message itself.

    `key_fault` is what the key index says against the signing key, at the signature's
    time and now. `outer_fault` is set where what stands outside the seal, or the
    envelope, is not what stands under the signature.
    """

    signer: str  # primary fingerprint, upper-case hex
    signed_at: datetime
    protected: bool  # whether the header fields stand under the signature
    sealed_to: tuple[
        str, ...
    ] = ()  # key ids, upper-case hex; for a hidden one, that of our key that opened it
    key_fault: Reason | None = None
    outer_fault: Reason | None = None
