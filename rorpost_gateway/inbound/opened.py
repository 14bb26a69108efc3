"""A partner's message, opened: the order of the steps, the same at the SMTP prompt and at delivery.

Nothing of the plaintext outlives the object made here. What is said by an opened
message counts only with a signature that verified; whose it ought to be, and what
follows, is the policy's to say.
"""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from rorpost_gateway.content import look_into
from rorpost_gateway.decision import Reason
from rorpost_gateway.facts import ContentFacts, Look, MessageFacts, SealFacts
from rorpost_gateway.message import Message, parse_message, read_facts
from rorpost_gateway.openpgp.base import KeyIndex, Opened, Opener, OpeningRefused, Signature
from rorpost_gateway.pgpmime import content_sha256, facts_as_delivered
from rorpost_gateway.pgpmime.agreement import compare_outer
from rorpost_gateway.pgpmime.protected import Protected, read_payload
from rorpost_gateway.pgpmime.restore import RestoreFailed
from rorpost_gateway.pgpmime.unwrap import Found, NotSealed, find_sealed
from rorpost_gateway.reception.transaction import Unacceptable

LARGE_OCTETS = 256 * 1024  # reading more would be felt by other sessions: it goes to a thread
_SALT_FIELD = "x-rorpost-salt"


_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True)
class OpenedMessage:
    """`outer` is the message as received; `protected` is what its signature covers.

    Where it waits for its delivery (`for_delivery`) the octets that only the prompt needs are gone.
    """

    outer: Message | None = field(repr=False)
    outer_facts: MessageFacts = field(repr=False)
    protected: Protected = field(repr=False)
    opened: Opened
    signature: Signature
    _seen: dict[Look, ContentFacts | None] = field(default_factory=dict, repr=False)

    def for_delivery(self) -> "OpenedMessage":
        """The same less what is not needed to judge it again and to make the reader's copy.

        That is what was opened and what it was opened from: the greater part of its octets.
        """
        return replace(
            self,
            outer=None if self.protected.protected else self.outer,
            opened=replace(self.opened, payload=b""),
            protected=replace(self.protected, covered=b""),
        )

    @property
    def octets(self) -> int:
        """About how many octets of memory are bound by this; what it shares with others is counted too."""
        outer = len(self.outer.octets) if self.outer is not None else 0
        fields = _octets_of_fields(self.outer_facts) + _octets_of_fields(self.protected.facts)
        return outer + len(self.opened.payload) + len(self.protected.entity.octets) + fields

    @property
    def facts(self) -> MessageFacts:
        """What the rules read: what the reader will see. Where nothing is protected some of it comes
        from outside; the policy decides whether that is allowed, and believes no sending user then.
        """
        content = next(reversed(self._seen.values()), None)
        return replace(facts_as_delivered(self.protected, self.outer_facts), content=content)

    async def look_into(self, look: Look) -> None:
        """Let `facts` hold what `look` asks for of the content. What was looked for last is kept.

        Raises MessageTooComplex.
        """
        if look not in self._seen:
            content = await look_into(self.protected.entity, look)
            self._seen.clear()
            self._seen[look] = content

    def seal_for(self, recipient: str, *, reverse_path: str, keys: KeyIndex, at: datetime) -> SealFacts:
        """What the opening says to the rules, for one recipient."""
        signature = self.signature
        meant_for = signature.intended_recipients
        fault = compare_outer(
            self.outer_facts, self.protected, reverse_path=reverse_path, recipient=recipient
        )
        if fault is None and meant_for and self.opened.opened_with.primary not in meant_for:
            fault = Reason.HIDDEN_RECIPIENT  # signed for others, and sealed anew to this mailbox
        return SealFacts(
            signer=signature.signer,
            signed_at=signature.signed_at,
            protected=self.protected.protected,
            sealed_to=self.opened.addressed_to,
            key_fault=keys.accepts(
                signature.signer, signature.signer_subkey, signed_at=signature.signed_at, at=at
            ),
            outer_fault=fault,
        )

    @property
    def said(self) -> dict[str, str]:
        """What every decision line says of a message that could be opened."""
        return {
            "sealed_sha256": self.opened.packets_sha256,
            "encrypted_to": self.opened.opened_with.primary,
            "signed_by": self.signature.signer,
        }

    @cached_property
    def covered_sha256(self) -> str:
        """Lower-case hex, of what the signature covers."""
        return hashlib.sha256(self.protected.covered).hexdigest()

    def replay_guard(self, recipient: str) -> str:
        """Lower-case hex: what was signed, by whom, for whom; whatever was put around it since."""
        parts = (self.covered_sha256, self.signature.signer, recipient)
        return hashlib.sha256("\n".join(parts).encode("ascii")).hexdigest()

    @property
    def content_sha256(self) -> str | None:
        """The hash that the sender's gateway logged; None where no such gateway sent it."""
        if self.protected.restored is None:
            return None
        try:
            salt = bytes.fromhex(self.protected.added.get(_SALT_FIELD, ""))
        except ValueError:
            return None
        return content_sha256(salt, self.protected.restored.message)


async def open_message(octets: bytes, *, opener: Opener, hostname: str, longest_octets: int) -> OpenedMessage:
    """Open what DATA brought, or what the queue holds.

    `longest_octets` bounds what may be inside. Raises Unacceptable, MessageMalformed,
    MessageTooComplex, and OpeningFailed for the gateway's own trouble.
    """
    try:
        outer, outer_facts, found = await _where(octets)(_find, octets, hostname)
        opening = opener.open(found.armoured, longest_octets=longest_octets)
        del found  # the opener's now: a large message is in memory often enough
        opened = await opening
        # Compressed, much of it may have come as little.
        protected = await _where(opened.payload)(_read, opened)
        signature = opened.signature
        if protected.signed_inside is not None:
            signature = await opener.verify_detached(
                protected.signed_inside.signed, protected.signed_inside.signature
            )
    except NotSealed as error:
        raise Unacceptable(error.reason, private=error.private, use_pgp_mime=error.use_pgp_mime) from error
    except OpeningRefused as error:
        raise Unacceptable(error.reason, private=error.private) from error
    except RestoreFailed as error:
        raise Unacceptable(Reason.MESSAGE_MALFORMED, private=error.private) from error
    if signature is None:
        raise Unacceptable(Reason.SIGNATURE_MISSING, private="no signature, neither around nor inside")
    return OpenedMessage(
        outer=outer, outer_facts=outer_facts, protected=protected, opened=opened, signature=signature
    )


def _octets_of_fields(facts: MessageFacts) -> int:
    return sum(sys.getsizeof(value) for values in facts.fields.values() for value in values)


def _where(octets: bytes) -> Callable[..., Awaitable[Any]]:
    return _at_once if len(octets) <= LARGE_OCTETS else asyncio.to_thread


async def _at_once(work: Callable[..., _Made], *arguments: object) -> _Made:
    return work(*arguments)


def _find(octets: bytes, hostname: str) -> tuple[Message, MessageFacts, Found]:
    outer = parse_message(octets)
    return outer, read_facts(outer, hostname=hostname), find_sealed(outer)


def _read(opened: Opened) -> Protected:
    protected = read_payload(opened.payload, signed=opened.signature is not None)
    if protected.facts.sealed_already:
        raise Unacceptable(Reason.DECRYPTION_FAILED, private="sealed twice: another seal inside")
    return protected
