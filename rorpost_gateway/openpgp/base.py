"""What the rest of the house knows of OpenPGP."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import GatewayError


class KeyIndex(Protocol):
    """Which key may be used at a moment. Pure: answers from what was read at load time.

    Each method returns the chosen key, or the reason why there is none:
    KEY_MISSING, KEY_EXPIRED, KEY_REVOKED or KEY_UNUSABLE.
    """

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        """The key to encrypt to for a mailbox.

        `pinned` are full fingerprints in order of preference; the first usable one
        counts. Empty (allowed only for a mailbox behind this gateway): the secret
        key whose user id is exactly this address.
        """
        ...

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        """The key, with its secret part, that a mailbox behind this gateway signs with."""
        ...

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        """Why a message that was sealed to exactly this key must not go out; None if it may.

        A newer subkey does not make an older one worse.
        """
        ...

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:
        """Whether one of the key ids (16 digits, as session keys name them) is of a mailbox's key.

        Of one of the `pinned` keys; without a pin, of one whose user id is the address. Whatever
        its state: this is about whom a message was sealed to, not whether it should have been.
        """
        ...

    def accepts(
        self, signer_primary: str, signer_subkey: str, *, signed_at: datetime, at: datetime
    ) -> Reason | None:
        """Why a signature that verified must not count all the same; None if it does.

        The key must be there, in force when it signed and at `at`; the subkey must
        be its own, able to sign, in force when it signed and not revoked since.
        Whose key it ought to be is the policy's to say, and how old a signature may
        be the caller's.
        """
        ...


class Need(StrEnum):
    """What a mailbox's key is needed for, so that a pair of mailboxes can write."""

    SEAL = "seal"  # to seal to, on either side
    SIGN = "sign"  # ours, with its secret part
    VERIFY = "verify"  # a partner's, of which the secret part is elsewhere


@dataclass(frozen=True, kw_only=True)
class KeyEnd:
    """From when on a mailbox has no key left for a need; `at` is None where it has none already.

    `fingerprint` is that of the last key that could be used, None where that is not known. `by_policy`:
    it could still be used, but the policy lets it count no longer.
    """

    at: datetime | None
    reason: Reason
    fingerprint: str | None
    by_policy: bool = False


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What sealing made. `armoured` is ASCII with CRLF line ends and a final CRLF."""

    armoured: bytes
    packets_sha256: str  # lower-case hex, of the OpenPGP packets without armour


class Engine(Protocol):
    """Signs and encrypts. Never blocks the event loop; bounded concurrency."""

    async def seal(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        """Sign `payload` with one key, encrypt it to one key, check what came out.

        Raises SealingFailed; never returns anything that was not checked to be one
        session-key packet for `seal_to.subkey`, one integrity-protected data packet
        and nothing after.
        """
        ...

    async def read_keys(self) -> Callable[[], None]:
        """Read the keys anew. Nothing changes before what is returned is called, which puts them in force.

        A key that was removed is gone then; what is being sealed at that moment may still
        use it. Raises GatewayError, with the keys before it in force.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature that verified. Fingerprints are upper-case hex; `signer` is the primary's."""

    signer: str
    signer_subkey: str  # the part that signed; may be the primary itself
    signed_at: datetime  # UTC, as the signer's clock had it
    # Primary fingerprints whom the signer meant it for (RFC 9580, 5.2.3.36), where they were stated.
    intended_recipients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a sealed message held. `payload` is the literal data, octet for octet as they were signed.

    Without a `signature` nothing is known of who wrote it: the payload may be
    `multipart/signed`, whose signature the caller has verified with `verify_detached`.
    """

    payload: bytes = field(repr=False)
    signature: Signature | None
    opened_with: KeyChoice  # our own key
    encrypted_to: tuple[str, ...]  # key ids in upper-case hex; sixteen zeros for a hidden recipient
    packets_sha256: str  # lower-case hex, of the OpenPGP packets without armour

    @property
    def addressed_to(self) -> tuple[str, ...]:
        """`encrypted_to`, with the id of our own key in the place of a hidden recipient."""
        hidden, ours = "0" * 16, self.opened_with.subkey[-16:]
        return tuple(ours if key_id == hidden else key_id for key_id in self.encrypted_to)


class OpeningRefused(GatewayError):
    """Nothing of this message may be used, today or later.

    `reason` is NOT_ENCRYPTED, DECRYPTION_FAILED, SIGNATURE_INVALID or MESSAGE_TOO_LARGE.
    """

    def __init__(self, reason: Reason, *, private: str) -> None:
        super().__init__(f"the message cannot be opened: {reason}", private=f"{reason}: {private}")
        self.reason = reason


class OpeningFailed(GatewayError):
    """The gateway's own trouble, such as an agent that does not answer: says nothing of the message."""


class Opener(Protocol):
    """Decrypts and verifies. Never blocks the event loop; bounded in time, memory and concurrency."""

    async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
        """Open one armoured message, whose literal data are at most `longest_octets`.

        It must be encrypted with integrity protection to a key whose secret part is
        there, and hold literal data with one good signature, or none. Raises
        OpeningRefused or OpeningFailed. Whether the signer may sign is `KeyIndex.accepts`'s to say.
        """
        ...

    async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        """Verify the one signature of a `multipart/signed` entity (RFC 3156, section 5).

        `signed` are the octets of its first part in canonical form, with CRLF line ends.
        Raises OpeningRefused (SIGNATURE_INVALID) or OpeningFailed.
        """
        ...

    async def close(self) -> None: ...
