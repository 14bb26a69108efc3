"""What the rest of the house knows of OpenPGP."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rorpost_gateway.decision import KeyChoice, Reason


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

    async def close(self) -> None: ...
