"""Sealing by Sequoia through pysequoia, which only this module and `known_signers` know.

In process, and synchronous: whoever calls it waits. pysequoia encrypts to what has
expired and signs with what was revoked, and it chooses by itself. So it chooses
nothing here: it is given certificates and keys that are cut down to the one part
that was decided on, and what comes out is believed only if its packets are what they
should be. Before a key signs for the first time it makes one signature over nothing,
which shows that it is that part and no other, with the digest that is wanted.

Nothing of what pysequoia says of a failure is kept: it is a native backtrace.

pysequoia 0.1.35: `encrypt` makes one literal packet, binary, without a name or a date,
without compression, signs it with SHA-512 and encrypts it with AES-256 as
integrity-protected data of version 1, unless every recipient's key asks for version 2,
which `check_packets` refuses. RFC 9580, section 5.13.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pysequoia

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.armour import add_armour
from rorpost_gateway.openpgp.base import OpeningRefused, Sealed
from rorpost_gateway.openpgp.packets import Tag, body_of, check_packets, packets_of, to_end_in_padding
from rorpost_gateway.openpgp.signature import BINARY, issuer_of, read_signature
from rorpost_gateway.openpgp.transferable import Keyring, to_seal_to, to_sign_with

_SHA512 = 10  # RFC 9580, section 9.5


class SequoiaKeys:
    """The keys of one export, each made ready when it is first used. Not for two threads at a time."""

    def __init__(self, keyring: Keyring, passphrase: str | None) -> None:
        self._keyring = keyring
        self._passphrase = passphrase
        self._recipients: dict[KeyChoice, pysequoia.Cert] = {}
        self._signers: dict[KeyChoice, pysequoia.PySigner] = {}

    def seal_now(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        """Sign with one key, encrypt to one key, check what came out. Raises SealingFailed.

        Whether the keys may be used now is not asked here: see `SequoiaEngine`.
        """
        recipient, signer = self._recipient(seal_to), self._signer(sign_with)
        payload_octets = len(payload)
        with _named("sealing"):
            octets = pysequoia.encrypt(bytes=payload, recipients=[recipient], signer=signer, armor=False)
        del payload  # a large message should not be held longer than it is needed
        octets = to_end_in_padding(octets)
        digest = check_packets(octets, subkey_fingerprint=seal_to.subkey, payload_octets=payload_octets)
        return Sealed(armoured=add_armour(octets), packets_sha256=digest)

    def try_signing(self, sign_with: KeyChoice) -> None:
        """Make a key ready and let it sign nothing. Raises SealingFailed where that cannot be."""
        self._signer(sign_with)

    def try_sealing_to(self, seal_to: KeyChoice) -> None:
        """Encrypt nothing to a key. Raises SealingFailed where that cannot be."""
        recipient = self._recipient(seal_to)
        with _named("encrypting"):
            octets = pysequoia.encrypt(bytes=b"", recipients=[recipient], armor=False)
        check_packets(octets, subkey_fingerprint=seal_to.subkey)

    def _recipient(self, choice: KeyChoice) -> pysequoia.Cert:
        if choice not in self._recipients:
            octets = to_seal_to(self._keyring, choice)
            with _named("reading the certificate"):
                self._recipients[choice] = pysequoia.Cert.from_bytes(octets)
        return self._recipients[choice]

    def _signer(self, choice: KeyChoice) -> pysequoia.PySigner:
        if choice not in self._signers:
            octets = to_sign_with(self._keyring, choice)
            with _named("reading the secret key"):
                key = pysequoia.Tsk.from_bytes(octets)
            signer = self._unlocked(key)
            _check_signer(signer, choice)
            self._signers[choice] = signer
        return self._signers[choice]

    def _unlocked(self, key: pysequoia.Tsk) -> pysequoia.PySigner:
        """A key without a passphrase refuses one, and one with a passphrase demands it."""
        try:
            with _named("using the secret key"):
                return key.signer()
        except SealingFailed:
            if not self._passphrase:
                raise
        with _named("unlocking the secret key"):
            return key.signer(self._passphrase)


def _check_signer(signer: pysequoia.PySigner, choice: KeyChoice) -> None:
    """Whose signature it really makes, and how."""
    with _named("signing"):
        octets = pysequoia.sign(signer, b"", mode=pysequoia.SignatureMode.DETACHED, armor=False)
    packets = list(packets_of(octets))
    if [packet.tag for packet in packets] != [Tag.SIGNATURE]:
        raise _failed("what the key signed is not one signature")
    body = body_of(octets, packets[0])
    try:
        signature, issuer = read_signature(body), issuer_of(body)
    except OpeningRefused as error:
        raise _failed(f"what the key signed is no signature: {error.private}") from None
    if (signature.kind, signature.digest, issuer) != (BINARY, _SHA512, choice.subkey):
        raise _failed("another key signed, or in another way than asked for")


@contextmanager
def _named(step: str) -> Iterator[None]:
    """Every way in which the native code may fail becomes one error that tells the step and nothing else."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the native code is no Exception
        raise _failed(f"{step} failed ({type(error).__name__})") from None


def _failed(private: str) -> SealingFailed:
    return SealingFailed("the message could not be sealed", private=private)
