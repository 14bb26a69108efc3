"""The tree against published vectors, and against the definition written down as it stands in RFC 6962."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.decision_log.published.covered import Covered
from rorpost_gateway.decision_log.published.tiles import Tile, tile_name
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.errors import LogDamaged

# The inputs and roots that Certificate Transparency's implementations test with (RFC 6962, section 2.1).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
EDGES = [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]


def leaf(line: bytes) -> bytes:
    return hashlib.sha256(b"\0" + line).digest()


def leaves(count: int) -> list[bytes]:
    return [leaf(b"%d" % n) for n in range(count)]


def mth(hashes: Sequence[bytes]) -> bytes:
    """As in RFC 6962, section 2.1, over leaf hashes."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + mth(hashes[:split]) + mth(hashes[split:])).digest()


def grow(hashes: Sequence[bytes]) -> Tree:
    tree = Tree()
    for each in hashes:
        tree.append(each)
    return tree


def lay(folder: Path, tiles: Sequence[Tile]) -> None:
    for tile in tiles:
        path = folder / tile.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tile.octets)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert grow([leaf(each) for each in INPUTS[:size]]).root().hex() == ROOTS[size]


@pytest.mark.parametrize("size", [*range(40), *EDGES[:6]])
def test_roots_are_what_the_definition_says(size: int) -> None:
    hashes = leaves(size)
    assert grow(hashes).root() == mth(hashes)


def test_a_long_tree_is_right_at_every_edge(tmp_path: Path) -> None:
    """Roots, tiles and a start from them, at sizes where a level fills, a line before and a line after."""
    hashes = leaves(EDGES[-1])
    tree = Tree()
    for size, each in enumerate(hashes, 1):
        tree.append(each)
        if size in EDGES:
            grown = tree.grown()
            lay(tmp_path, grown.tiles)
            assert (grown.size, grown.root) == (size, mth(hashes[:size]))
            again = Tree.load(tmp_path, size)
            assert (again.size, again.root()) == (size, grown.root)
            assert not again.grown().tiles
    for size in (1, 254, 300, 4000, 65_000):  # of checkpoints whose partial tiles are gone
        assert Tree.load(tmp_path, size).root() == mth(hashes[:size])
    covered = Covered(tmp_path, tree)
    assert all(covered.leaf(n) == hashes[n] for n in (0, 255, 256, 65_279, 65_280, 65_535, 65_536))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_whenever_it_is_asked_it_has_told_every_tile(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    hashes = leaves(sum(steps))
    tree, size = Tree(), 0
    for step in steps:
        for each in hashes[size : size + step]:
            tree.append(each)
        size += step
        lay(folder, tree.grown().tiles)
        tree = Tree.load(folder, size)
        assert tree.root() == mth(hashes[:size])
    covered = Covered(folder, tree)
    assert [covered.leaf(n) for n in range(size)] == hashes


def test_a_tree_of_70_000_has_the_tiles_of_the_specification() -> None:
    tiles = [(tile.level, tile.index, tile.width) for tile in grow(leaves(70_000)).grown().tiles]
    assert sorted(tiles) == sorted(
        [
            *((0, index, 256) for index in range(273)),
            (0, 273, 112),
            (1, 0, 256),
            (1, 1, 17),
            (2, 0, 1),
        ]
    )


@pytest.mark.parametrize(
    ("index", "width", "name"),
    [
        (0, 256, "tile/0/000"),
        (7, 12, "tile/0/007.p/12"),
        (999, 256, "tile/0/999"),
        (1000, 256, "tile/0/x001/000"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (1_234_067, 1, "tile/0/x001/x234/067.p/1"),
    ],
)
def test_names_are_those_of_the_specification(index: int, width: int, name: str) -> None:
    assert tile_name(0, index, width) == name


@pytest.mark.parametrize("damage", ["missing", "short", "long", "folder"])
def test_a_tile_that_is_not_whole_is_damage(tmp_path: Path, damage: str) -> None:
    lay(tmp_path, grow(leaves(300)).grown().tiles)
    path = tmp_path / "tile/0/001.p/44"
    octets = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(octets[:-1] if damage == "short" else octets + b"x")
    with pytest.raises((LogDamaged, OSError)):
        Tree.load(tmp_path, 300)


@pytest.mark.parametrize("name", ["tile/0/000", "tile/1/000"])
def test_a_tile_that_was_changed_is_not_believed(tmp_path: Path, name: str) -> None:
    tree = grow(leaves(70_000))
    lay(tmp_path, tree.grown().tiles)
    octets = bytearray((tmp_path / name).read_bytes())
    octets[100] ^= 1
    (tmp_path / name).write_bytes(octets)
    with pytest.raises(LogDamaged, match="not what the checkpoint was made of"):
        Covered(tmp_path, tree).leaf(0)


def test_memory_does_not_grow_with_the_tree() -> None:
    tree = grow(leaves(70_000))
    tree.grown()
    assert sum(len(level) for level in tree._edge) == 112 + 17 + 1
    assert not tree._full
