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

MOST_OCTETS = 1 << 20  # pysequoia holds the interpreter: more would be felt by other sessions
_KEYRINGS = ("pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db")
_EXPORT = ("--export-options", "export-minimal,no-export-attributes", "--export")
_EXPORT_OCTETS = 1 << 20  # of one certificate, at most


@dataclass(frozen=True, kw_only=True)
class _Known:
    """`certificate` is None where Sequoia does not take this key's signatures."""

    signer: str
    octets: bytes = field(repr=False)
    certificate: "pysequoia.Cert | None" = field(repr=False)


class KnownSigners:
    """By the fingerprint of the part that signs. Blocking, as gpg is: made for worker threads."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._known: dict[str, _Known] = {}
        self._keyring: tuple[object, ...] = ()

    def verified(self, signed: bytes, body: bytes, packet: SignaturePacket) -> Signature | None:
        """The signature, if it is certain that it holds; None is no answer at all.

        `packet` is what was read from `body`, the body of a signature packet.
        """
        if len(signed) > MOST_OCTETS or packet.kind != BINARY or packet.created is None:
            return None
        self._forget_if_changed()
        issuer = issuer_of(body) or ""
        known = self._known.get(issuer)
        if known is None or known.certificate is None or not _holds(signed, body, known.certificate, issuer):
            return None
        return Signature(
            signer=known.signer,
            signer_subkey=issuer,
            signed_at=packet.created,
            intended_recipients=packet.intended_recipients,
        )

    def learn(self, signature: Signature) -> None:
        """Know the key of a signature that gpg has verified, and that was not verified here."""
        subkey, all_known = signature.signer_subkey, self._known  # another thread may begin anew meanwhile
        before = all_known.get(subkey)
        if before is not None and before.certificate is None:
            return
        octets = self._certificate(KeyChoice(primary=signature.signer, subkey=subkey))
        # The same certificate once more: Sequoia has seen it, and does not take its signatures.
        usable = before is None or before.octets != octets
        all_known[subkey] = _Known(
            signer=signature.signer, octets=octets, certificate=_read(octets) if usable else None
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


def _holds(signed: bytes, body: bytes, certificate: "pysequoia.Cert", issuer: str) -> bool:
    """Whether exactly one signature was seen, by that part of that certificate, and it is good."""
    try:
        signature = pysequoia.Sig.from_bytes(framed(Tag.SIGNATURE, body))
        seen = pysequoia.verify(bytes=signed, store=lambda _: [certificate], signature=signature).valid_sigs
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of the native code is no Exception
        return False
    made_by = [(each.certificate.upper(), each.signing_key.upper()) for each in seen]
    return made_by == [(certificate.fingerprint.upper(), issuer)]


def _read(octets: bytes) -> "pysequoia.Cert | None":
    try:
        return pysequoia.Cert.from_bytes(octets) if octets else None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - see above
        return None
