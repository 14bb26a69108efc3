"""The log read by Go's golang.org/x/mod/sumdb: what it says of signatures, tiles, inclusion and consistency.

Nothing of the gateway's own code takes part in the checking.
"""

import struct
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.line import leaf
from rorpost_gateway.decision_log.published.note import sign_checkpoint
from rorpost_gateway.decision_log.published.tiles import WIDTH, tile_name
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.decision_log.signing import generate
from tests.peers.go_sumdb import Refused, Sumdb

ORIGIN = "motala.se/rorpost/gw1"
AWKWARD = (1, 2, 3, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537)


def test_trees_of_awkward_sizes(sumdb: Sumdb, tmp_path: Path) -> None:
    """Each with its checkpoint and its partial tiles, in one folder, as the writer would leave them."""
    key, tree, notes, entries = generate(ORIGIN), Tree(), [], []
    for size in AWKWARD:
        while tree.size < size:
            entries.append(b"entry %d" % tree.size)
            tree.append(bytes.fromhex(leaf(entries[-1])))
        grown = tree.grown()
        for tile in grown.tiles:
            put(tmp_path, tile.name, tile.octets)
        notes.append(sign_checkpoint([key], origin=ORIGIN, size=size, root=grown.root).note)
    for index in range(-(-len(entries) // WIDTH)):
        bundle = entries[index * WIDTH : (index + 1) * WIDTH]
        name = tile_name(0, index, len(bundle)).replace("tile/0/", "tile/entries/")
        put(tmp_path, name, b"".join(struct.pack(">H", len(entry)) + entry for entry in bundle))
    put(tmp_path, "checkpoint", notes[-1])
    put(tmp_path, "checkpoints", b"".join(notes))
    said = sumdb.export(tmp_path, [key.vkey])
    assert [each["size"] for each in said["checkpoints"]] == [*AWKWARD]
    assert said["consistent"] == len(AWKWARD)
    assert said["entries"] == AWKWARD[-1]
    with pytest.raises(Refused, match="no verifiable signatures"):
        sumdb.export(tmp_path, [generate(ORIGIN).vkey])


def put(folder: Path, name: str, octets: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)
