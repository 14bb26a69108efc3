"""Verifying in process, by Sequoia, the signatures of keys that gpg has verified before.

A gpg process for each signature costs a hundred times what verifying does. So a key is
learnt from the first signature by it that gpg called good, and what it signs afterwards
is verified here: over exactly the octets that will be used, by a certificate with no
other part than the one that signed, and with a signature packet of one simple kind.

Only a yes counts. What is not verified here, for whatever reason, is gpg's to judge as
if this had not been; so nothing is refused in Sequoia's name, and it need not know
every algorithm. Whether a key may sign, and might when it did, is for the gateway's own
index to say; and all that was learnt is forgotten when the home's keyring has changed, so
that a key that was revoked or deleted there verifies nothing, as with gpg.

pysequoia 0.1.35 gives no time of a signature (it is read from the octets that the
signature covers) and wraps failures in native backtraces, of which nothing is kept.
RFC 9580, sections 5.2.3.11 (creation time) and 5.2.3.35 (issuer fingerprint).
"""

from dataclasses import dataclass, field
from pathlib import Path

import pysequoia

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.base import Signature
from rorpost_gateway.openpgp.child import Child
from rorpost_gateway.openpgp.packets import Tag, framed
from rorpost_gateway.openpgp.process import GnupgFailed
from rorpost_gateway.openpgp.signature import BINARY, SignaturePacket, issuer_of
from rorpost_gateway.openpgp.transferable import read_keyring, to_seal_to

MOST_OCTETS = 1 << 20  # signed; pysequoia holds the interpreter, and more would be felt by others
_KEYRINGS = ("pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db")
_EXPORT = ("--export-options", "export-minimal,no-export-attributes", "--export")
_EXPORT_OCTETS = 1 << 20  # of one certificate, at most


@dataclass(frozen=True, kw_only=True)
class Known:
    """The part of a key that signs. `certificate` is None where Sequoia does not take its signatures."""

    signer: str
    signer_subkey: str
    octets: bytes = field(repr=False)
    certificate: pysequoia.Cert | None = field(repr=False)

    def verified(self, signed: bytes, body: bytes, packet: SignaturePacket) -> Signature | None:
        """The signature, if it is certain that it holds; None is no answer at all.

        `packet` is what was read from `body`, the body of a signature packet.
        """
        if self.certificate is None or packet.created is None:
            return None
        if _made_by(signed, body, self.certificate) != [(self.signer, self.signer_subkey)]:
            return None
        return Signature(
            signer=self.signer,
            signer_subkey=self.signer_subkey,
            signed_at=packet.created,
            intended_recipients=packet.intended_recipients,
        )


class KnownSigners:
    """By the fingerprint of the part that signs. Blocking, as gpg is: made for worker threads."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._known: dict[str, Known] = {}
        self._keyring: tuple[object, ...] = ()

    def find(self, body: bytes, packet: SignaturePacket) -> Known | None:
        """Who may be asked about this signature instead of gpg; None for nobody."""
        self._forget_if_changed()
        if packet.kind != BINARY:
            return None
        known = self._known.get(issuer_of(body) or "")
        return known if known is not None and known.certificate is not None else None

    def learn(self, signature: Signature, *, instead_of: Known | None) -> None:
        """Know the key of a signature that gpg has verified, after `instead_of` had no answer."""
        subkey, all_known = signature.signer_subkey, self._known  # another thread may begin anew meanwhile
        if all_known.get(subkey) is not instead_of:
            return  # another thread was first; or nothing more is to be learnt
        octets = self._certificate(KeyChoice(primary=signature.signer, subkey=subkey))
        # The same certificate once more: Sequoia has seen it, and does not take its signatures.
        usable = instead_of is None or instead_of.octets != octets
        all_known[subkey] = Known(
            signer=signature.signer,
            signer_subkey=subkey,
            octets=octets,
            certificate=_read(octets) if usable else None,
        )

    def _forget_if_changed(self) -> None:
        """Before gpg is asked: what it says of a newer keyring must not stand for an older one."""
        now = tuple(_stamp(self._child.home / name) for name in _KEYRINGS)
        if now != self._keyring:
            self._known, self._keyring = {}, now

    def _certificate(self, choice: KeyChoice) -> bytes:
        """The primary, its user ids and the part that signs; nothing where that cannot be had."""
        try:
            run = self._child.run([*_EXPORT, choice.primary], stdin=(), longest_output=_EXPORT_OCTETS)
            return b"" if run.returncode else to_seal_to(read_keyring(run.output, b""), choice)
        except (GnupgFailed, SealingFailed):
            return b""


def _stamp(keyring: Path) -> tuple[int, int, int] | None:
    """What changes with a file's content: gpg writes a keyring anew and renames it."""
    try:
        found = keyring.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _made_by(signed: bytes, body: bytes, certificate: pysequoia.Cert) -> list[tuple[str, str]]:
    """Primary and signing part (upper-case hex) of every good signature; of a bad one nothing."""
    try:
        signature = pysequoia.Sig.from_bytes(framed(Tag.SIGNATURE, body))
        seen = pysequoia.verify(bytes=signed, store=lambda _: [certificate], signature=signature).valid_sigs
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of the native code is no Exception
        return []
    return [(each.certificate.upper(), each.signing_key.upper()) for each in seen]


def _read(octets: bytes) -> pysequoia.Cert | None:
    try:
        return pysequoia.Cert.from_bytes(octets) if octets else None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - see above
        return None
