"""The leaves that a checkpoint covers, each authenticated by the root it was signed with.

Reads level-0 tiles as they are asked for and checks every one of them, and the
tiles above it, against the right edge of the tree: a leaf that is told here is the
one the checkpoint was made of.

RFC 6962, section 2.1; c2sp.org/tlog-tiles.
"""

from pathlib import Path

from rorpost_gateway.decision_log.published.tiles import WIDTH, read_tile, tile_name
from rorpost_gateway.decision_log.published.tree import Tree, merkle_root, split
from rorpost_gateway.errors import LogDamaged


class Covered:
    """Leaf by leaf what `tree` holds, which must not grow meanwhile; its root must be known to be right."""

    def __init__(self, folder: Path, tree: Tree) -> None:
        self._folder = folder
        self._tree = tree
        self._held: dict[int, tuple[int, list[bytes]]] = {}  # by level: the tile last read, and its index

    @property
    def size(self) -> int:
        """How many leaves are covered."""
        return self._tree.size

    def leaf(self, n: int) -> bytes:
        """The hash of leaf `n`, which must be less than `size`. Raises LogDamaged, OSError."""
        return self._hash(0, n)

    def leaves_from(self, n: int) -> list[bytes]:
        """Leaf `n` and those that follow it in its tile. Raises LogDamaged, OSError."""
        index, at = divmod(n, WIDTH)
        return self._tile(0, index)[at:]

    def _hash(self, level: int, n: int) -> bytes:
        index, at = divmod(n, WIDTH)
        return self._tile(level, index)[at]

    def _tile(self, level: int, index: int) -> list[bytes]:
        held = self._held.get(level)
        if held is not None and held[0] == index:
            return held[1]
        if index == (self._tree.size >> (8 * level)) // WIDTH:
            hashes = self._tree.edge(level)
        else:
            hashes = split(read_tile(self._folder, level, index, WIDTH))
            if merkle_root(hashes) != self._hash(level + 1, index):
                raise LogDamaged(
                    "the decision log does not hold",
                    private=f"{self._folder / tile_name(level, index)}: not what the checkpoint was made of",
                )
        self._held[level] = (index, hashes)
        return hashes
