"""The hash tiles of a folder, and the tree that stands on them.

A tile holds 256 hashes (8,192 octets) of one level; the rightmost of each level
may be partial. Nothing read here is trusted: whoever uses a tree made of tiles
compares its root with a signed one.

c2sp.org/tlog-tiles; RFC 6962, section 2.1.
"""

import os
from collections import OrderedDict
from pathlib import Path

from rorpost_gateway.audit.folder import Broken, open_file
from rorpost_gateway.audit.merkle import HASH_OCTETS, Subtree, levels, range_root

WIDTH = 256
HEIGHT = 8
TILE_OCTETS = WIDTH * HASH_OCTETS
FOLDER = "tile"

_KEPT = 64  # tiles with the nodes above them


def tile_name(level: int, index: int, width: int = WIDTH) -> str:
    """The path of a tile within the log's folder, `tile/0/x001/234` or `tile/0/x001/234.p/17`."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"{FOLDER}/{level}/{'/'.join(reversed(groups))}{partial}"


def read_tile(folder: Path, level: int, index: int, width: int = WIDTH) -> bytes:
    """The octets of a tile of exactly that width. Raises FileNotFoundError; Broken where it is not one."""
    path = folder / tile_name(level, index, width)
    try:
        with open_file(path) as file:
            octets = file.read(TILE_OCTETS + 1)
    except Broken as broken:
        if isinstance(broken.__cause__, FileNotFoundError):
            raise broken.__cause__ from None
        raise
    if len(octets) != width * HASH_OCTETS:
        raise tile_fault(level, index, width, "not as long as a tile of its width")
    return octets


def partial_widths(folder: Path, level: int, index: int) -> list[int]:
    """Which partial tiles stand beside the place of a full one; names that are no width are left out."""
    place = (folder / tile_name(level, index)).with_name(f"{tile_name(level, index).rpartition('/')[2]}.p")
    try:
        with os.scandir(place) as entries:
            return sorted(int(entry.name) for entry in entries if entry.name in _WIDTHS)
    except OSError:
        return []


def tile_fault(level: int, index: int, width: int, text: str, *, entry: int | None = None) -> Broken:
    first = (index * WIDTH) << (HEIGHT * level)
    return Broken(
        file=tile_name(level, index, width),
        line=0,
        entry=first if entry is None else entry,
        check="tile",
        text=text,
    )


class TileReader:
    """A log's tree, read from its hash tiles as far as it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[tuple[int, int, int], list[list[bytes]]] = OrderedDict()

    def tree(self, size: int) -> Subtree:
        """The complete subtrees of the tree of `size` leaves. They raise Broken where a tile is not there."""

        def subtree(level: int, index: int) -> bytes:
            tile_level, above = divmod(level, HEIGHT)
            position = index << above
            tile_index = position // WIDTH
            width = min(WIDTH, (size >> (HEIGHT * tile_level)) - tile_index * WIDTH)
            nodes = self._nodes(tile_level, tile_index, width)
            return nodes[above][(position % WIDTH) >> above]

        return subtree

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves. Raises Broken."""
        return range_root(0, size, self.tree(size))

    def leaf(self, n: int, size: int) -> bytes:
        """The leaf hash of entry `n` of a tree of `size` leaves. Raises Broken."""
        return self.tree(size)(0, n)

    def hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """The first `width` hashes of a tile, from the narrowest that has them. Raises Broken."""
        for held in self._widths(level, index, width):
            try:
                octets = read_tile(self._folder, level, index, held)
            except FileNotFoundError:
                continue
            return [octets[at : at + HASH_OCTETS] for at in range(0, width * HASH_OCTETS, HASH_OCTETS)]
        raise tile_fault(level, index, width, "the tile is not there")

    def _widths(self, level: int, index: int, width: int) -> list[int]:
        wider = [held for held in partial_widths(self._folder, level, index) if held > width]
        return list(dict.fromkeys([width, WIDTH, *wider]))

    def _nodes(self, level: int, index: int, width: int) -> list[list[bytes]]:
        key = (level, index, width)
        if key not in self._kept:
            self._kept[key] = levels(self.hashes(level, index, width))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


_WIDTHS = frozenset(map(str, range(1, WIDTH)))
