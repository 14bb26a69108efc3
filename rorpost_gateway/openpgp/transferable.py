"""Exported keys, taken apart and put together again around one single part.

Pure. A library that is to encrypt to one subkey is given a certificate that has no
other: the primary, its user ids and that subkey, each with its own signatures. The
same for a key to sign with, whose only secret part is the one that is to sign; the
primary is then there in its public form only. So nothing is left to be chosen.

RFC 4880, sections 5.5 (key packets), 11.1 and 11.2 (transferable keys), 12.2 (fingerprints).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.packets import body_of, packets_of

_PACKETS = 4_000_000  # at most, in one keyring
_V4 = 4
_GNU_S2K = 101


class KeyTag(IntEnum):
    """The packet types that begin a part of a key."""

    SECRET_KEY = 5
    PUBLIC_KEY = 6
    SECRET_SUBKEY = 7
    PUBLIC_SUBKEY = 14


@dataclass(frozen=True, kw_only=True)
class Part:
    """A primary or a subkey: its packet, and what follows it up to the next part (with headers).

    `public` is the packet's body; that of a secret packet begins with the same octets (RFC 4880, 5.5.3).
    """

    public: bytes
    packet: bytes
    following: bytes


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A public key with its subkeys by fingerprint (upper-case hex); user ids follow the primary."""

    primary: Part
    subkeys: Mapping[str, Part]

    def part(self, fingerprint: str, *, primary: str) -> Part | None:
        return self.primary if fingerprint == primary else self.subkeys.get(fingerprint)


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """Certificates by the primary's fingerprint, and secret packets by the fingerprint of their part."""

    certificates: Mapping[str, Certificate]
    secrets: Mapping[str, bytes] = field(repr=False)


def read_keyring(public: bytes, secret: bytes) -> Keyring:
    """Read exported public keys, and exported secret keys of some of them. Raises SealingFailed.

    A key of another version than 4, which is never sealed to, is left out.
    """
    certificates = dict(_certificates(public))
    by_beginning: dict[bytes, list[tuple[bytes, str]]] = {}
    for primary, certificate in certificates.items():
        for fingerprint, part in ((primary, certificate.primary), *certificate.subkeys.items()):
            by_beginning.setdefault(part.public[:6], []).append((part.public, fingerprint))
    secrets = {}
    for _, body, whole in _packets(secret, {KeyTag.SECRET_KEY, KeyTag.SECRET_SUBKEY}):
        for known, fingerprint in by_beginning.get(body[:6], ()):
            if body.startswith(known) and not _is_stub(body[len(known) :]):
                secrets[fingerprint] = whole
    return Keyring(certificates=certificates, secrets=secrets)


def to_seal_to(keyring: Keyring, choice: KeyChoice) -> bytes:
    """The certificate with no other part to encrypt to than the one chosen. Raises SealingFailed."""
    certificate, part = _chosen(keyring, choice)
    primary = certificate.primary
    if part is primary:
        return primary.packet + primary.following
    return primary.packet + primary.following + part.packet + part.following


def to_sign_with(keyring: Keyring, choice: KeyChoice) -> bytes:
    """The key with no other secret part than the one chosen. Raises SealingFailed."""
    certificate, part = _chosen(keyring, choice)
    secret = keyring.secrets.get(choice.subkey)
    if secret is None:
        raise _missing("the secret part to sign with is not there")
    primary = certificate.primary
    if part is primary:
        return secret + primary.following
    return primary.packet + primary.following + secret + part.following


def fingerprint_of(public: bytes) -> str:
    """The fingerprint (upper-case hex) of the body of a public key packet of version 4."""
    framed = b"\x99" + len(public).to_bytes(2, "big") + public
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def _chosen(keyring: Keyring, choice: KeyChoice) -> tuple[Certificate, Part]:
    certificate = keyring.certificates.get(choice.primary)
    part = certificate.part(choice.subkey, primary=choice.primary) if certificate else None
    if certificate is None or part is None:
        raise _missing(f"the key {choice.subkey} is not there")
    return certificate, part


def _certificates(public: bytes) -> Iterator[tuple[str, Certificate]]:
    parts: list[Part] = []
    for tag, body, whole in _packets(public, None):
        if tag == KeyTag.PUBLIC_KEY:
            yield from _certificate(parts)
            parts = [Part(public=body, packet=whole, following=b"")]
        elif not parts:
            raise _missing("the exported keys begin with a part of a key")
        elif tag == KeyTag.PUBLIC_SUBKEY:
            parts.append(Part(public=body, packet=whole, following=b""))
        else:
            last = parts.pop()
            parts.append(Part(public=last.public, packet=last.packet, following=last.following + whole))
    yield from _certificate(parts)


def _certificate(parts: list[Part]) -> Iterator[tuple[str, Certificate]]:
    known = [part for part in parts if part.public[:1] == bytes([_V4])]
    if not known or known[0] is not parts[0]:
        return
    subkeys = {fingerprint_of(part.public): part for part in known[1:]}
    yield fingerprint_of(parts[0].public), Certificate(primary=parts[0], subkeys=subkeys)


def _packets(octets: bytes, tags: set[KeyTag] | None) -> Iterator[tuple[int, bytes, bytes]]:
    """Type, body and the whole packet with its header, of each or of those of some types."""
    at = 0
    for packet in packets_of(octets, most=_PACKETS):
        end = packet.pieces[-1][1]
        if tags is None or packet.tag in tags:
            yield packet.tag, body_of(octets, packet), octets[at:end]
        at = end


def _is_stub(secret: bytes) -> bool:
    """Whether GnuPG put a mark in the place of a secret part that it keeps back, or does not have.

    Octets: usage, cipher, kind of S2K; GnuPG's own kind says so (doc/DETAILS, "GNU extensions").
    """
    return secret[:1] in {b"\xfe", b"\xff"} and secret[2:3] == bytes([_GNU_S2K])


def _missing(private: str) -> SealingFailed:
    return SealingFailed("the message could not be sealed", private=private)
