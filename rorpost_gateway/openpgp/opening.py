"""Opening by GnuPG: the order of the work, off the event loop.

Three steps, each of which takes nothing on trust from the one before. gpg takes the
encryption off (`unwrapping`); the gateway takes apart what was under it (`inner`);
another gpg verifies the signature over exactly the octets the gateway found
(`verifying`), or Sequoia does where gpg has shown it whom to believe
(`known_signers`). python-gnupg is not used here: it mixes the three, calls an opening
good that is not, and keeps back whether the data were protected.

Bounded: processes by a thread pool of its own, their time by a limit, memory by the
lengths of the message and of what it may hold. Plaintext is in memory only.

RFC 3156, sections 4 to 6; RFC 9580, section 10.3.
"""

import asyncio
import functools
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.armour import SIGNATURE, remove_armour
from rorpost_gateway.openpgp.base import Opened, OpeningFailed, OpeningRefused, Signature
from rorpost_gateway.openpgp.child import Child
from rorpost_gateway.openpgp.inner import Inner, read_inner
from rorpost_gateway.openpgp.known_signers import KnownSigners
from rorpost_gateway.openpgp.packets import Packet, Tag, body_of, packets_of
from rorpost_gateway.openpgp.process import GPG, GnupgFailed
from rorpost_gateway.openpgp.signature import SIGNATURE_OCTETS, invalid
from rorpost_gateway.openpgp.unwrapping import read_encrypted, unwrap
from rorpost_gateway.openpgp.verifying import verify

WORKERS = (os.cpu_count() or 1) + 1
_BEGIN = b"-----BEGIN PGP MESSAGE-----"
_WHITE_SPACE = b" \t\r\n"
_Made = TypeVar("_Made")


class GnupgOpener:
    """Opens with the keys of one GnuPG home; implements `Opener`.

    `workers` bounds the gpg processes at a time: one a core, and one that begins. `passphrase`
    opens the private keys and reaches gpg through a pipe. `timeout_seconds` is for
    each of the two or three processes that a message takes. With `sequoia` signatures by
    keys that gpg has verified before are verified without a process (`known_signers`).
    """

    def __init__(
        self,
        home: Path,
        passphrase: str | None,
        *,
        workers: int = WORKERS,
        timeout_seconds: float = 60,
        binary: str = GPG,
        sequoia: bool = False,
    ) -> None:
        self._child = Child(home=home, binary=binary, timeout_seconds=timeout_seconds)
        self._known = KnownSigners(self._child) if sequoia else None
        self._passphrase = passphrase
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="open")

    async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
        """See `Opener`. Raises OpeningRefused or OpeningFailed."""
        given = [armoured]  # emptied by whoever takes it: what waits here holds a large message no longer
        del armoured
        return await self._in_turn(functools.partial(self._open, given, longest_octets))

    async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        """See `Opener`. Raises OpeningRefused or OpeningFailed."""
        return await self._in_turn(functools.partial(self._verify_detached, signed, signature_armoured))

    async def close(self) -> None:
        """Wait for what is being opened; what waits for its turn is cancelled."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def _in_turn(self, work: Callable[[], _Made]) -> _Made:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except GnupgFailed as error:
            raise OpeningFailed("gpg does not work", private=error.private) from error
        except OSError as error:
            raise OpeningFailed("gpg did not run to its end", private=type(error).__name__) from error

    def _open(self, given: list[bytes], longest_octets: int) -> Opened:
        octets = _without_armour(given.pop())
        packets_sha256 = hashlib.sha256(octets).hexdigest()
        message = read_encrypted(octets)
        encrypted_to = message.key_ids
        unwrapped = unwrap(self._child, message, self._passphrase)
        # Each step lets go of what only the one before it needed: a large message is in memory often enough.
        del octets, message
        opened_with = unwrapped.opened_with
        inner = read_inner(unwrapped.octets, longest_octets=longest_octets)
        del unwrapped
        return Opened(
            payload=inner.payload,
            signature=self._signature_of(inner),
            opened_with=opened_with,
            encrypted_to=encrypted_to,
            packets_sha256=packets_sha256,
        )

    def _signature_of(self, inner: Inner) -> Signature | None:
        if inner.signature is None:
            return None
        signature = verify(self._child, inner.payload, inner.signature, self._known)
        announced = inner.announced_key_id
        if announced is not None and not signature.signer_subkey.endswith(announced):
            raise invalid("the one-pass signature names another key than signed")
        return signature

    def _verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        if len(signature_armoured) > 2 * SIGNATURE_OCTETS:
            raise invalid("a detached signature that is too long")
        try:
            octets = remove_armour(signature_armoured.strip(_WHITE_SPACE), kind=SIGNATURE)
            packets = list(packets_of(octets))
        except SealingFailed as error:
            raise invalid(f"detached: {error.private}") from error
        return verify(self._child, signed, body_of(octets, _only_signature(packets)), self._known)


def _without_armour(armoured: bytes) -> bytes:
    block = armoured.lstrip(_WHITE_SPACE)
    if not block.startswith(_BEGIN):
        raise OpeningRefused(Reason.NOT_ENCRYPTED, private="not an armoured OpenPGP message")
    try:
        return remove_armour(block)
    except SealingFailed as error:
        raise OpeningRefused(Reason.DECRYPTION_FAILED, private=error.private) from error


def _only_signature(packets: list[Packet]) -> Packet:
    if [packet.tag for packet in packets] != [Tag.SIGNATURE]:
        raise invalid(f"detached: packets are {[packet.tag for packet in packets[:8]]}")
    return packets[0]
