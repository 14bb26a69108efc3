"""The octets of fresh copies, kept until they are sent, so that they need not be read back.

Bounded: what finds no room is read from the queue when its turn comes. The oldest stay,
since they are sent first.
"""

from collections.abc import Container

MOST_OCTETS = 32 * 1024 * 1024


class Memory:
    def __init__(self, *, most_octets: int = MOST_OCTETS) -> None:
        self._most_octets = most_octets
        self._kept: dict[str, bytes] = {}
        self._octets = 0

    def keep(self, name: str, octets: bytes) -> None:
        """Of the copy with that name, if there is room."""
        if self._octets + len(octets) <= self._most_octets and name not in self._kept:
            self._kept[name] = octets
            self._octets += len(octets)

    def get(self, name: str) -> bytes | None:
        return self._kept.get(name)

    def forget(self, name: str) -> None:
        self._octets -= len(self._kept.pop(name, b""))

    def forget_all_but(self, names: Container[str]) -> None:
        """Copies that an operator removed or holds never come for their octets."""
        for name in [each for each in self._kept if each not in names]:
            self.forget(name)
