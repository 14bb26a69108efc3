"""How the tree grows from a part's leaves, and whether the stored tiles say the same.

A part gives its full tiles as their roots, and as leaves what it shares with its
neighbours; `Spine` joins the parts in order, keeps one unfinished tile of each
level, and tells the root at each size that is asked for. Memory grows with the
logarithm of the tree.

RFC 6962, section 2.1; c2sp.org/tlog-tiles.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.merkle import HASH_OCTETS, fold, levels, node_hash, range_root
from rorpost_gateway.audit.tiles import (
    HEIGHT,
    WIDTH,
    TileReader,
    partial_widths,
    read_tile,
    tile_fault,
)

OTHER_HASH = "a hash is not that of the line"


@dataclass(frozen=True, kw_only=True)
class Grown:
    """What a part adds. `head`, full tiles, `tail`; `inside` is the root over a full tile's part at a size.

    `odd` is the first stored tile that says something else than the leaves.
    """

    head: list[bytes]
    tiles: list[bytes]
    tail: list[bytes]
    inside: dict[int, bytes] = field(default_factory=dict)
    odd: Broken | None = None


def grown(first: int, leaves: list[bytes], *, sizes: Sequence[int], folder: Path, covered: int) -> Grown:
    """What leaves from number `first` on add, with the level-0 tiles of `folder` compared.

    `sizes` are those of checkpoints; `covered` is the newest one's.
    """
    begin = min(-first % WIDTH, len(leaves))
    end = begin + (len(leaves) - begin) // WIDTH * WIDTH
    roots, inside, odd = [], {}, None
    by_tile: dict[int, list[int]] = {}
    for size in sizes:
        if size % WIDTH:
            by_tile.setdefault(size // WIDTH, []).append(size)
    for at in range(begin, end, WIDTH):
        index = (first + at) // WIDTH
        nodes = levels(leaves[at : at + WIDTH])
        roots.append(nodes[-1][0])
        widths = set()
        for size in by_tile.get(index, ()):
            widths.add(size % WIDTH)
            inside[size] = part_root(nodes, size % WIDTH)
        if odd is None:
            odd = compare(folder, 0, index, nodes[0], widths=widths, covered=covered)
    return Grown(head=leaves[:begin], tiles=roots, tail=leaves[end:], inside=inside, odd=odd)


def grown_from_tiles(first: int, end: int, *, sizes: Sequence[int], folder: Path, covered: int) -> Grown:
    """The same of leaves that only tiles tell of; `first` begins a tile. Raises Broken."""
    reader = TileReader(folder)
    leaves: list[bytes] = []
    for at in range(first, end, WIDTH):
        width = min(WIDTH, covered - at)
        leaves += reader.hashes(0, at // WIDTH, width)[: end - at]
    return grown(first, leaves, sizes=sizes, folder=folder, covered=covered)


def part_root(nodes: list[list[bytes]], width: int) -> bytes:
    """The root over the first `width` of the hashes that `nodes` stand on."""
    return range_root(0, width, lambda level, index: nodes[level][index])


def compare(
    folder: Path, level: int, index: int, hashes: list[bytes], *, widths: set[int], covered: int
) -> Broken | None:
    """What is wrong with the stored forms of a tile of which `hashes` are known.

    `widths` are the partial ones that checkpoints need as long as there is no full one.
    """
    try:
        stands = _same(folder, level, index, WIDTH, hashes)
        held = partial_widths(folder, level, index)
        for width in held:
            _same(folder, level, index, width, hashes)
        if stands:
            return None
        lacking = widths.difference(held)
        if len(hashes) == WIDTH and (index + 1) << (HEIGHT * (level + 1)) <= covered:
            lacking = {WIDTH}
        # A daemon that writes meanwhile takes partial tiles away once the full one stands.
        if lacking and not _same(folder, level, index, WIDTH, hashes):
            return tile_fault(level, index, min(lacking), "the tile is not there")
    except Broken as broken:
        return broken
    return None


def _same(folder: Path, level: int, index: int, width: int, hashes: list[bytes]) -> bool:
    """Whether that form of a tile is there. Raises Broken where it says something else than `hashes`."""
    try:
        octets = read_tile(folder, level, index, width)
    except FileNotFoundError:
        return False
    for at, known in enumerate(hashes[:width]):
        if octets[at * HASH_OCTETS : (at + 1) * HASH_OCTETS] != known:
            entry = (index * WIDTH + at) << (HEIGHT * level)
            raise tile_fault(level, index, width, OTHER_HASH, entry=entry)
    return True


class Spine:
    """The right edge of the tree as it grows."""

    def __init__(self, folder: Path, *, covered: int) -> None:
        self.roots: dict[int, bytes] = {}  # at the sizes asked for, as soon as their tile is full
        self.odd: Broken | None = None
        self.size = 0
        self._folder = folder
        self._covered = covered
        self._asked: deque[int] = deque()  # sizes whose root is not known yet, the smallest first
        self._leaves: list[bytes] = []  # of the unfinished tile
        self._peaks: list[tuple[int, bytes]] = []  # level above the tiles, hash
        self._levels: list[list[bytes]] = []  # of each level from 1 on: the unfinished tile
        self._widths: dict[int, set[int]] = {}  # of each level: the partial tiles that checkpoints need

    @property
    def known(self) -> int:
        """The roots of all sizes asked for up to this one are known."""
        return self.size - len(self._leaves)

    def begin(self, reader: TileReader, size: int, *, covered: int) -> None:
        """Begin with the first `size` leaves of a tree, as the tiles tell of them. Raises Broken."""
        tree = reader.tree(covered)
        tiles = size // WIDTH
        self._leaves = [tree(0, n) for n in range(tiles * WIDTH, size)]
        start = 0
        while start < tiles:
            level = (tiles - start).bit_length() - 1
            self._peaks.append((level, tree(level + HEIGHT, start >> level)))
            start += 1 << level
        level = 1
        while (count := size >> (HEIGHT * level)) > 0:
            first = count // WIDTH * WIDTH
            self._levels.append([tree(HEIGHT * level, at) for at in range(first, count)])
            level += 1
        self.size = size

    def add(self, part: Grown, sizes: Iterable[int]) -> None:
        """Join what a part adds; `sizes` are those of checkpoints within it, the smallest first."""
        self._asked += sizes
        self._see(part.odd)
        self._fill(part.head)
        for root in part.tiles:
            end = self.size + WIDTH
            while self._asked and self._asked[0] < end:
                size = self._asked.popleft()
                self._root_at(size, part.inside[size])
            self.size = end
            self._push(root)
        self._fill(part.tail)

    def finish(self) -> None:
        """No leaf follows: the roots of all sizes, and the unfinished tiles compared."""
        nodes = levels(self._leaves) if self._leaves else []
        self._inside(nodes)
        hashes = [self._leaves, *self._levels]
        for level, known in enumerate(hashes):
            index = (self.size >> (HEIGHT * level)) // WIDTH
            widths = self._widths.get(level, set())
            self._see(compare(self._folder, level, index, known, widths=widths, covered=self._covered))

    def _fill(self, leaves: list[bytes]) -> None:
        if not leaves:
            return
        self._leaves += leaves
        self.size += len(leaves)
        if len(self._leaves) < WIDTH:
            return
        nodes = levels(self._leaves)
        index = self.size // WIDTH - 1
        self._inside(nodes)
        widths = self._widths.pop(0, set())
        self._see(compare(self._folder, 0, index, self._leaves, widths=widths, covered=self._covered))
        self._leaves = []
        self._push(nodes[-1][0])

    def _inside(self, nodes: list[list[bytes]]) -> None:
        """The roots at sizes within the unfinished tile."""
        begin = self.size - len(self._leaves)
        while self._asked and self._asked[0] < begin + WIDTH and self._asked[0] <= self.size:
            size = self._asked.popleft()
            if size % WIDTH:
                self._widths.setdefault(0, set()).add(size % WIDTH)
                self._root_at(size, part_root(nodes, size % WIDTH))

    def _push(self, root: bytes) -> None:
        level = 0
        hash_ = root
        while self._peaks and self._peaks[-1][0] == level:
            hash_ = node_hash(self._peaks.pop()[1], hash_)
            level += 1
        self._peaks.append((level, hash_))
        self._lift(1, root)
        if self._asked and self._asked[0] == self.size:
            self._root_at(self._asked.popleft(), None)

    def _lift(self, level: int, root: bytes) -> None:
        """Take a tile's root into the tile above."""
        if len(self._levels) < level:
            self._levels.append([])
        hashes = self._levels[level - 1]
        hashes.append(root)
        if len(hashes) == WIDTH:
            index = (self.size >> (HEIGHT * level)) // WIDTH - 1
            widths = self._widths.pop(level, set())
            self._see(compare(self._folder, level, index, hashes, widths=widths, covered=self._covered))
            self._levels[level - 1] = []
            self._lift(level + 1, levels(hashes)[-1][0])

    def _root_at(self, size: int, inside: bytes | None) -> None:
        parts = [hash_ for _, hash_ in self._peaks] + ([] if inside is None else [inside])
        self.roots[size] = fold(parts)
        for level in range(1, len(self._levels) + 1):
            width = (size >> (HEIGHT * level)) % WIDTH
            if width:
                self._widths.setdefault(level, set()).add(width)

    def _see(self, odd: Broken | None) -> None:
        if odd is not None and (self.odd is None or odd.entry < self.odd.entry):
            self.odd = odd
