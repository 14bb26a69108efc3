"""Hash tiles: 256 consecutive Merkle tree hashes, eight levels of the tree apart.

The tile `n` of level `l` holds the hashes of the perfect subtrees of 256^l leaves
from leaf n * 256^(l+1) on. A full tile has 256 hashes; a partial one, at the right
edge of the tree, has 1 to 255 and is never hashed into the level above.

c2sp.org/tlog-tiles; RFC 6962, section 2.1.
"""

from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision_log.read_back import open_file
from rorpost_gateway.errors import LogDamaged

FOLDER_NAME = "tile"
WIDTH = 256
HASH_OCTETS = 32


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile and its place. `octets` are `width` hashes of 32 octets each."""

    level: int
    index: int
    octets: bytes

    @property
    def width(self) -> int:
        return len(self.octets) // HASH_OCTETS

    @property
    def name(self) -> str:
        return tile_name(self.level, self.index, self.width)


def tile_name(level: int, index: int, width: int = WIDTH) -> str:
    """The path below the log's folder: `tile/0/x001/234`, and `….p/17` for a partial tile of 17 hashes."""
    digits = f"{index:03d}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    partial = "" if width == WIDTH else f".p/{width}"
    return f"{FOLDER_NAME}/{level}/{path}{partial}"


def read_tile(folder: Path, level: int, index: int, width: int) -> bytes:
    """`width` hashes of a tile, from its full form where the partial one is there no more.

    Raises LogDamaged where neither is there whole, OSError.
    """
    for name, hashes in _forms(level, index, width):
        try:
            with open_file(folder / name) as file:
                octets = file.read(WIDTH * HASH_OCTETS + 1)
        except FileNotFoundError:
            continue
        if len(octets) != hashes * HASH_OCTETS:
            raise _damaged(folder / name, f"{len(octets)} octets where {hashes * HASH_OCTETS} belong")
        return octets[: width * HASH_OCTETS]
    raise _damaged(folder / tile_name(level, index, width), "a tile that a checkpoint needs is missing")


def _forms(level: int, index: int, width: int) -> list[tuple[str, int]]:
    full = (tile_name(level, index), WIDTH)
    return [full] if width == WIDTH else [(tile_name(level, index, width), width), full]


def _damaged(path: Path, text: str) -> LogDamaged:
    return LogDamaged("the decision log does not hold", private=f"{path}: {text}")
