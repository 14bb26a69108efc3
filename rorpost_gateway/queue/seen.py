"""Which submissions may have come before, without asking the store. No I/O.

A filter of bits (Bloom, 1970): within its time it never forgets a digest, and may take one
for another, which costs a look into the store. Almost every submission is a new one, and
is found to be new without waiting for a thread and a disk. For a store that nobody else
writes. One thread adds and forgets, which must happen before anybody is told of a
submission; any thread may ask.

There are two filters: once the store has forgotten all that the older one knows, it is
thrown away, and a new one begun.
"""

from collections.abc import Iterator

_BITS = 1 << 23  # 1 MiB a filter: with a million digests in an hour, one in fifty is looked up in vain
_PLACES = 4  # bits a digest
_NEVER = float("-inf")


class Seen:
    def __init__(self) -> None:
        self._older, self._newer = bytearray(_BITS >> 3), bytearray(_BITS >> 3)
        self._older_until = self._newer_until = _NEVER

    def add(self, digest: str, *, at: float) -> None:
        """The store knows it since `at` (seconds since the epoch, UTC), or is about to."""
        newer = self._newer
        for place in _places(digest):
            newer[place >> 3] |= 1 << (place & 7)
        self._newer_until = max(self._newer_until, at)

    def may_know(self, digest: str) -> bool:
        """False only where the store does not know it."""
        return _in(self._newer, digest) or _in(self._older, digest)

    def forget(self, *, before: float) -> None:
        """The store has forgotten what it had seen earlier than that."""
        if self._older_until < before and self._newer_until > _NEVER:
            # In this order: whoever asks meanwhile finds in one of them what is in either.
            self._older, self._older_until = self._newer, self._newer_until
            self._newer, self._newer_until = bytearray(_BITS >> 3), _NEVER


def _in(bits: bytearray, digest: str) -> bool:
    return all(bits[place >> 3] >> (place & 7) & 1 for place in _places(digest))


def _places(digest: str) -> Iterator[int]:
    first, step = divmod(hash(digest), _BITS)
    return ((first + nth * (step | 1)) % _BITS for nth in range(_PLACES))
