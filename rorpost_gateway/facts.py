"""What the rules read of a message: facts, taken once. Of its content only what rules ask for, and
nothing that could be read by a person. Frozen, no I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, auto

from rorpost_gateway.decision import Reason


class Look(Flag):
    """What of a message's content a rule needs to know; `Look(0)` is nothing of it."""

    QUOTES = auto()
    ATTACHMENTS = auto()
    NAMES = auto()  # of attachments, as the parts of the message state them


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One attachment, or one entry of an archive that is attached. Its name is not kept."""

    kind: str  # the MIME type found in the content, lower case
    declared: str  # the MIME type that the part states, lower case
    # Of its name, lower case, without dots: ("pdf", "exe"). A number after a dot is one too.
    extensions: tuple[str, ...] = field(default=(), repr=False)
    # The last extension of each of its names, where it has several.
    endings: tuple[str, ...] = field(default=(), repr=False)
    octets: int = 0  # decoded
    inspected: bool = True  # False: it cannot be looked into, so nobody knows what it holds
    depth: int = 0  # how many archives or messages it lies in
    identity_number_in_name: bool = False
    disguised: bool = False  # its name, or the stated type, says that it is something else


@dataclass(frozen=True, kw_only=True)
class Quotes:
    """What a message quotes of earlier correspondence.

    Each of `quoted` is one quoted message: the addresses, lower case, that stand as author or
    recipients in its reply header. `suspected` counts quotes about which that could not be told.
    """

    quoted: tuple[frozenset[str], ...] = field(default=(), repr=False)
    suspected: int = 0

    @property
    def addresses(self) -> frozenset[str]:
        """Everybody who stands in a reply header."""
        return frozenset().union(*self.quoted)


@dataclass(frozen=True, kw_only=True)
class ContentFacts:
    """What was found in a message's content. None: nobody has looked, and a rule that needs it refuses."""

    attachments: tuple[Attachment, ...] | None = None
    quotes: Quotes | None = None
    identity_number_in_name: bool | None = None  # in the name of an attachment, as its part states it


NOTHING_FOUND = ContentFacts(attachments=(), quotes=Quotes(), identity_number_in_name=False)
"""Everything was looked for, and there was nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
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
    subject: str = field(default="", repr=False)  # decoded (RFC 2047), unfolded
    urgent: bool = False  # Importance, X-Priority, Priority or X-MSMail-Priority
    sealed_already: bool = False  # the message as a whole is OpenPGP or S/MIME encrypted
    received_count: int = 0
    received_here: bool = False  # a Received field names this gateway
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    content: ContentFacts | None = None  # None: not read


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
