"""The gateway's own decision which OpenPGP key may be used at a moment.

Pure: built from key listings, asked with a time. An engine is only ever told the
fingerprint that was chosen here, and never chooses by itself. A primary must be in
force for any of its subkeys to be; revocation outweighs expiry, both outweigh the
rest. Among usable subkeys the newest counts, as in GnuPG; the primary itself serves
only where no subkey has the capability.

RFC 4880, sections 5.2.3.3 (self-signatures), 5.2.3.6 (expiry) and 5.2.3.21 (key flags).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.listing import KeyPart, ListedKey

_V4_FINGERPRINT_DIGITS = 40


class KeyState(StrEnum):
    """What a listing says of a key at a moment."""

    USABLE = "usable"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNUSABLE = "unusable"


@dataclass(frozen=True, kw_only=True)
class KeySummary:
    """A key for people to read.

    `expires` is when it can no longer be sealed to: the end of the primary or of its
    newest encryption subkey, whichever comes first; None means never.
    """

    fingerprint: str
    addresses: tuple[str, ...]  # of user ids that still count
    user_ids: tuple[str, ...]
    created: datetime
    expires: datetime | None
    secret: bool
    state: KeyState


@dataclass(frozen=True, kw_only=True)
class _Use:
    """What a key is wanted for."""

    encrypting: bool
    secret: bool  # whether the secret part must be there

    def fits(self, part: KeyPart) -> bool:
        return part.encrypts if self.encrypting else part.signs


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """What is chosen at a moment when neither the key nor its part has a fault, or why it never is."""

    key: ListedKey | None = None
    part: KeyPart | None = None
    choice: KeyChoice | Reason

    def at(self, at: datetime) -> KeyChoice | Reason:
        wrong = _primary_fault(self.key, at) if self.key is not None else None
        return wrong or (_part_fault(self.part, at) if self.part is not None else None) or self.choice


_SEALING = _Use(encrypting=True, secret=False)
_SEALING_TO_OURSELVES = _Use(encrypting=True, secret=True)  # else nobody could open it
_SIGNING = _Use(encrypting=False, secret=True)
_VERIFYING = _Use(encrypting=False, secret=False)  # somebody else has the secret part


class ListedKeys:
    """The keys of one GnuPG home; implements `KeyIndex`."""

    def __init__(self, keys: Iterable[ListedKey]) -> None:
        self._keys = tuple(keys)
        self._by_fingerprint = {key.primary.fingerprint: key for key in self._keys}
        self._by_address: dict[str, list[ListedKey]] = {}
        for key in sorted(self._keys, key=_age, reverse=True):
            for address in _addresses(key):
                self._by_address.setdefault(address, []).append(key)
        # What is asked for again and again: the pins and addresses of one policy.
        self._candidates: dict[tuple[str | tuple[str, ...], _Use], tuple[_Candidate, ...]] = {}

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        """See `KeyIndex`. Without a pin the secret part must be there, so that the message can be opened."""
        if pinned:
            return self._pinned(pinned, _SEALING, at)
        return self._ours(address, _SEALING_TO_OURSELVES, at)

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        """See `KeyIndex`."""
        if pinned:
            return self._pinned(pinned, _SIGNING, at)
        return self._ours(address, _SIGNING, at)

    def for_verifying(self, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        """A key of the `pinned` whose signature, made at that moment, would count; or why there is none."""
        return self._pinned(pinned, _VERIFYING, at)

    def expiries(self, address: str, pinned: Collection[str]) -> frozenset[datetime]:
        """When a part of the pinned keys expires; without a pin, of our own keys for that address."""
        found = [self._by_fingerprint.get(_normal(each)) for each in pinned]
        keys = found if pinned else [k for k in self._by_address.get(address.lower(), ()) if k.secret]
        parts = (part for key in keys if key is not None for part in (key.primary, *key.subkeys))
        return frozenset(part.expires for part in parts if part.expires is not None)

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        """See `KeyIndex`."""
        key = self._by_fingerprint.get(_normal(sealed_to.primary))
        if key is None:
            return Reason.KEY_MISSING
        wanted = _normal(sealed_to.subkey)
        part = next((each for each in (*key.subkeys, key.primary) if each.fingerprint == wanted), None)
        if part is None or not part.encrypts:
            return Reason.KEY_UNUSABLE
        return _primary_fault(key, at) or _part_fault(part, at)

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:
        """See `KeyIndex`."""
        wanted = {key_id.upper() for key_id in key_ids}
        keys = [key for key in self._by_address.get(address.lower(), ()) if key.secret]
        if pinned:
            keys = [
                self._by_fingerprint[each] for each in map(_normal, pinned) if each in self._by_fingerprint
            ]
        parts = (part for key in keys for part in (key.primary, *key.subkeys))
        return any(part.encrypts and part.fingerprint[-16:] in wanted for part in parts)

    def accepts(
        self, signer_primary: str, signer_subkey: str, *, signed_at: datetime, at: datetime
    ) -> Reason | None:
        """See `KeyIndex`."""
        key = self._by_fingerprint.get(_normal(signer_primary))
        if key is None:
            return Reason.KEY_MISSING
        wanted = _normal(signer_subkey)
        part = next((each for each in (key.primary, *key.subkeys) if each.fingerprint == wanted), None)
        if part is None or not part.signs:
            return Reason.KEY_UNUSABLE
        return _primary_fault(key, at) or _primary_fault(key, signed_at) or _part_fault(part, signed_at)

    def signing_parts(self, at: datetime) -> Sequence[KeyChoice]:
        """Every secret part that may sign at a moment, whichever of them would be chosen."""
        return [
            KeyChoice(primary=key.primary.fingerprint, subkey=part.fingerprint)
            for key in self._keys
            if key.secret and not _primary_fault(key, at)
            for part in (key.primary, *key.subkeys)
            if part.has_secret and part.signs and not _part_fault(part, at)
        ]

    def keys(self, at: datetime) -> Sequence[KeySummary]:
        """Every key, in the order of the home."""
        return [_summary(key, at) for key in self._keys]

    def key(self, fingerprint: str, at: datetime) -> KeySummary | None:
        """One key by its full primary fingerprint; None where it is not in the home."""
        found = self._by_fingerprint.get(_normal(fingerprint))
        return _summary(found, at) if found else None

    def _pinned(self, pinned: Collection[str], use: _Use, at: datetime) -> KeyChoice | Reason:
        asked = (tuple(pinned), use)
        candidates = self._candidates.get(asked)
        if candidates is None:
            keys = [self._by_fingerprint.get(_normal(fingerprint)) for fingerprint in pinned]
            candidates = self._candidates[asked] = _candidates(keys, use)
        return _first_usable(candidates, at)

    def _ours(self, address: str, use: _Use, at: datetime) -> KeyChoice | Reason:
        asked = (address.lower(), use)
        candidates = self._candidates.get(asked)
        if candidates is None:
            keys = [key for key in self._by_address.get(address.lower(), ()) if key.secret]
            candidates = self._candidates[asked] = _candidates(keys, use)
        return _first_usable(candidates, at)


def _first_usable(candidates: Iterable[_Candidate], at: datetime) -> KeyChoice | Reason:
    """The first that may be used; where there is none, the first reason."""
    first: Reason | None = None
    for candidate in candidates:
        answer = candidate.at(at)
        if isinstance(answer, KeyChoice):
            return answer
        first = first or answer
    return first or Reason.KEY_MISSING


def _candidates(keys: Iterable[ListedKey | None], use: _Use) -> tuple[_Candidate, ...]:
    return tuple(candidate for key in keys for candidate in _of_key(key, use))


def _of_key(key: ListedKey | None, use: _Use) -> list[_Candidate]:
    if key is None:
        return [_Candidate(choice=Reason.KEY_MISSING)]
    fitting = _newest_first(sub for sub in key.subkeys if use.fits(sub))
    if use.fits(key.primary):
        fitting.append(key.primary)
    if not fitting:
        return [_Candidate(key=key, choice=Reason.KEY_UNUSABLE)]
    return [_Candidate(key=key, part=part, choice=_choice(key, part, use)) for part in fitting]


def _choice(key: ListedKey, part: KeyPart, use: _Use) -> KeyChoice | Reason:
    if use.secret and not part.has_secret:
        return Reason.KEY_UNUSABLE
    return KeyChoice(primary=key.primary.fingerprint, subkey=part.fingerprint)


def _primary_fault(key: ListedKey, at: datetime) -> Reason | None:
    return _part_fault(key.primary, at) or (Reason.KEY_UNUSABLE if key.disabled else None)


def _part_fault(part: KeyPart, at: datetime) -> Reason | None:
    if part.revoked:
        return Reason.KEY_REVOKED
    if part.expires is not None and at >= part.expires:
        return Reason.KEY_EXPIRED
    if part.invalid or at < part.created or len(part.fingerprint) != _V4_FINGERPRINT_DIGITS:
        return Reason.KEY_UNUSABLE
    return None


def _newest_first(parts: Iterable[KeyPart]) -> list[KeyPart]:
    return sorted(parts, key=lambda part: part.created, reverse=True)


def _age(key: ListedKey) -> datetime:
    return key.primary.created


def _addresses(key: ListedKey) -> tuple[str, ...]:
    """The addresses a key speaks for.

    gpg calls every user id of a revoked or expired primary revoked or expired; they
    still count here, so that the reason given is the true one.
    """
    primary = key.primary
    return tuple(
        dict.fromkeys(
            uid.address
            for uid in key.user_ids
            if uid.address and (uid.valid or primary.revoked or (uid.expired and primary.listed_expired))
        )
    )


def _summary(key: ListedKey, at: datetime) -> KeySummary:
    answer = _first_usable(_of_key(key, _SEALING), at)
    return KeySummary(
        fingerprint=key.primary.fingerprint,
        addresses=_addresses(key),
        user_ids=tuple(uid.text for uid in key.user_ids),
        created=key.primary.created,
        expires=_sealing_ends(key),
        secret=key.secret,
        state=_STATES[answer] if isinstance(answer, Reason) else KeyState.USABLE,
    )


_STATES = {
    Reason.KEY_REVOKED: KeyState.REVOKED,
    Reason.KEY_EXPIRED: KeyState.EXPIRED,
    Reason.KEY_UNUSABLE: KeyState.UNUSABLE,
}


def _sealing_ends(key: ListedKey) -> datetime | None:
    sound = (sub for sub in key.subkeys if sub.encrypts and not sub.revoked and not sub.invalid)
    limiting = [key.primary, *_newest_first(sound)[:1]]
    return min((part.expires for part in limiting if part.expires is not None), default=None)


def _normal(fingerprint: str) -> str:
    return fingerprint.replace(" ", "").upper()
