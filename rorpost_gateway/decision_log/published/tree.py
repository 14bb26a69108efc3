"""The Merkle tree over the log's lines, of which only the right edge is in memory.

For each level of tiles the hashes of the tile that is not full yet: at most 255 of
32 octets, whatever the length of the log. A leaf is SHA-256(0x00 || line), a node
SHA-256(0x01 || left || right).

RFC 6962, section 2.1; c2sp.org/tlog-tiles.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rorpost_gateway.decision_log.published.tiles import HASH_OCTETS, WIDTH, Tile, read_tile


@dataclass(frozen=True, kw_only=True)
class Grown:
    """The tree at one moment: its size in leaves, its root, and the tiles that are new since the last one."""

    size: int
    root: bytes
    tiles: tuple[Tile, ...]


class Tree:
    """Grows by leaves; tells its root and which tiles are new. Not safe for two threads at a time."""

    def __init__(self) -> None:
        self._size = 0
        self._edge: list[list[bytes]] = [[]]
        self._full: list[Tile] = []  # filled since `grown` was last asked
        self._told: dict[int, tuple[int, int]] = {}  # by level: index and width of the partial tile last told

    @classmethod
    def load(cls, folder: Path, size: int) -> Self:
        """The tree of the first `size` leaves, from the tiles in the log's `folder`.

        Raises LogDamaged where a tile is missing or has the wrong size, OSError. Whether
        the tiles are the right ones shows in the root.
        """
        tree = cls()
        tree._size = size
        tree._edge = []
        level = 0
        while hashes := size >> (8 * level):
            index, width = divmod(hashes, WIDTH)
            tree._edge.append(split(read_tile(folder, level, index, width)) if width else [])
            tree._told[level] = (index, width)
            level += 1
        tree._edge = tree._edge or [[]]
        return tree

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash, 32 octets."""
        self._size += 1
        self._add(0, leaf)

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves, 32 octets (RFC 6962, section 2.1)."""
        right: list[bytes] = []
        for hashes in self._edge:
            if both := hashes + right:
                right = [merkle_root(both)]
        return right[0] if right else hashlib.sha256().digest()

    def edge(self, level: int) -> list[bytes]:
        """The hashes of the level's tile that is not full yet."""
        return list(self._edge[level])

    def grown(self) -> Grown:
        """The tree now, and every tile that is new or wider since this was last asked."""
        tiles = list(self.filled())
        for level, hashes in enumerate(self._edge):
            place = ((self._size >> (8 * level)) // WIDTH, len(hashes))
            if hashes and self._told.get(level) != place:
                self._told[level] = place
                tiles.append(Tile(level=level, index=place[0], octets=b"".join(hashes)))
        return Grown(size=self._size, root=self.root(), tiles=tuple(tiles))

    def filled(self) -> tuple[Tile, ...]:
        """The tiles that became full since they were last asked for; for who builds a long tree at once."""
        tiles, self._full = self._full, []
        return tuple(tiles)

    def _add(self, level: int, node: bytes) -> None:
        if level == len(self._edge):
            self._edge.append([])
        hashes = self._edge[level]
        hashes.append(node)
        if len(hashes) == WIDTH:
            index = (self._size >> (8 * (level + 1))) - 1
            self._full.append(Tile(level=level, index=index, octets=b"".join(hashes)))
            self._edge[level] = []
            self._add(level + 1, merkle_root(hashes))


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over at least one hash; the last may be of a smaller subtree than the others."""
    while len(hashes) > 1:
        paired = [_node(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = [*paired, hashes[-1]] if len(hashes) % 2 else paired
    return hashes[0]


def split(octets: bytes) -> list[bytes]:
    """The hashes in a tile."""
    return [octets[at : at + HASH_OCTETS] for at in range(0, len(octets), HASH_OCTETS)]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
