"""Which key must have signed a checkpoint, as the log's own `key` entries tell.

A log begins with the key of its genesis entry. A `key` entry names the next one; the
change is made by the first checkpoint that both have signed, and until then the
old key signs. So each key is vouched for by the one before, under a signature, and
whoever knows one of them by another way knows that the others followed from it.

c2sp.org/signed-note.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rorpost_gateway.audit.signatures import ED25519, KeyFault, VerifierKey, parse_vkey

KEYS = 1_000  # in the life of a log; hostile ones have more


class KeyChainFault(ValueError):
    """Why an entry does not go on from the keys before it."""


@dataclass(frozen=True, kw_only=True)
class _Next:
    n: int  # of the `key` entry
    key: VerifierKey


class KeyChain:
    """The keys of one log, from the first that is known."""

    def __init__(self, first: str, *, origin: str | None = None) -> None:
        """Raises KeyChainFault where `first` is no verifier key, or not one of `origin`."""
        self._in_force = _own_key(first, origin or first.partition("+")[0])
        self.known: list[VerifierKey] = [self._in_force]
        self.signed: set[str] = set()  # verifier keys by which a checkpoint was signed that holds
        self._next: list[_Next] = []  # in step with `known` but for its first, until one has come into force
        self._behind: int | None = None

    @property
    def origin(self) -> str:
        return self._in_force.name

    @property
    def in_force(self) -> str:
        """The verifier key that the next checkpoint must be signed by."""
        return self._in_force.vkey

    def rotated(self, n: int, entry: dict[str, Any]) -> None:
        """Take a `key` entry. Raises KeyChainFault."""
        if entry["previous"] != self.known[-1].vkey:
            raise KeyChainFault("the key entry names another key as the one before")
        key = _own_key(entry["vkey"], self.origin)
        if key in self.known or len(self.known) >= KEYS:
            raise KeyChainFault("the key entry names a key that was in force before")
        self.known.append(key)
        self._next.append(_Next(n=n, key=key))

    def resume(self) -> None:
        """Begin behind the changes known so far: the next checkpoint tells which of the keys signs there."""
        self._behind = len(self.known)

    def not_replaced_before(self, signers: Sequence[str]) -> bool:
        """Whether the key in force had not been replaced yet when `signers` signed something."""
        places = {key.vkey: at for at, key in enumerate(self.known)}
        return places[self.in_force] >= max((places[vkey] for vkey in signers), default=0)

    def signed_by(self, size: int, signers: Sequence[str]) -> bool:
        """Take a checkpoint that covers no less than those before; whether the right keys signed it."""
        if self._behind is not None:
            self._resume(self.known[: self._behind], signers)
            self._behind = None
        while self._next and self._next[0].n < size:
            following = self._next[0].key
            if self._in_force.vkey not in signers or following.vkey not in signers:
                break
            self.signed.add(self._in_force.vkey)
            self._in_force = following
            del self._next[0]
        if self._in_force.vkey not in signers:
            return False
        self.signed.add(self._in_force.vkey)
        return True

    def _resume(self, before: Sequence[VerifierKey], signers: Sequence[str]) -> None:
        """In force is the newest of the keys from before that signed; those after it are to follow."""
        last = max((at for at, key in enumerate(before) if key.vkey in signers), default=0)
        self._in_force = before[last]
        self._next = self._next[last:]
        self.signed.update(key.vkey for key in before[:last])


def _own_key(text: str, origin: str) -> VerifierKey:
    try:
        key = parse_vkey(text)
    except KeyFault as fault:
        raise KeyChainFault(str(fault)) from None
    if key.name != origin or key.kind != ED25519:
        raise KeyChainFault("a verifier key that is not this log's")
    return key
