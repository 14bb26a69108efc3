"""The log read by Go's golang.org/x/mod/sumdb: what it says of signatures, tiles, inclusion and consistency.

Nothing of the gateway's own code takes part in the checking. What Go is given is what a third party is:
an export, proofs, checkpoints and verifier keys.
"""

import asyncio
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from rorpost_gateway.cli.audit import audit as command
from rorpost_gateway.decision_log.line import leaf
from rorpost_gateway.decision_log.published.note import sign_checkpoint
from rorpost_gateway.decision_log.published.tiles import WIDTH, tile_name
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.decision_log.signing import generate
from tests.peers.go_sumdb import Refused, Sumdb
from tests.peers.log_workshop import ORIGIN
from tests.peers.two_day_log import TwoDayLog, make_two_day_log

AWKWARD = (1, 2, 3, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537)
SOME_ENTRIES = (0, 1, 151, 152, 255, 256, 302, 303, 600)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TwoDayLog:
    return asyncio.run(make_two_day_log(tmp_path_factory.mktemp("two-days")))


@pytest.fixture(scope="module")
def exported(log: TwoDayLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "tlog"
    audit(log, "export-tlog", str(folder), "--vkey", log.first_vkey)
    return folder


def audit(log: TwoDayLog, *arguments: str) -> str:
    """What a command of the auditor's prints of the log."""
    result = CliRunner().invoke(command, [*arguments, "--log", str(log.folder)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_two_days_with_a_rotation(sumdb: Sumdb, log: TwoDayLog, exported: Path) -> None:
    said = sumdb.export(exported, log.folder / "checkpoints", log.vkeys)
    assert said["newest"]["origin"] == ORIGIN
    assert said["entries"] == said["inclusions"] == said["newest"]["size"] == log.entries
    signed_by = [each["keys"] for each in said["checkpoints"]]
    first, second = (vkey.split("+")[1] for vkey in log.vkeys)
    assert [keys for number, keys in enumerate(signed_by) if keys not in signed_by[:number]] == [
        [first],
        [first, second],
        [second],
    ]
    assert signed_by.count([first, second]) == 1
    assert said["consistent"] == len(signed_by)


def test_the_first_key_alone_knows_nothing_after_the_rotation(
    sumdb: Sumdb, log: TwoDayLog, exported: Path
) -> None:
    with pytest.raises(Refused, match="no verifiable signatures"):
        sumdb.export(exported, log.folder / "checkpoints", log.vkeys[:1])


def test_proofs_of_entries(sumdb: Sumdb, log: TwoDayLog, tmp_path: Path) -> None:
    lines = log.lines()
    for n in SOME_ENTRIES:
        proof, line = tmp_path / f"{n}.tlog-proof", tmp_path / "line"
        proof.write_text(audit(log, "prove", str(n), "--vkey", log.vkeys[-1]), encoding="utf-8")
        line.write_bytes(lines[n])
        said = sumdb.proof(proof, line, log.vkeys)
        assert (said["index"], said["checkpoint"]["size"]) == (n, log.entries)
        line.write_bytes(lines[n].replace(b"gw1", b"gw2"))
        with pytest.raises(Refused):
            sumdb.proof(proof, line, log.vkeys)


def test_proofs_between_checkpoints(sumdb: Sumdb, log: TwoDayLog, tmp_path: Path) -> None:
    old, sent = tmp_path / "old", tmp_path / "sent"
    old.write_bytes(log.kept)
    known = [word for vkey in log.vkeys for word in ("--vkey", vkey)]
    sent.write_text(audit(log, "consistency", str(old), *known), encoding="utf-8")
    said = sumdb.consistency(sent, old, log.vkeys)
    assert 0 < said["old"] < said["new"] == log.entries
    another = audit(log, "consistency", "151", *known)
    sent.write_text(another.replace("old 151", f"old {said['old']}"), encoding="utf-8")
    with pytest.raises(Refused):
        sumdb.consistency(sent, old, log.vkeys)


def flip(name: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        octets = bytearray((folder / name).read_bytes())
        octets[at] ^= 1
        (folder / name).write_bytes(octets)

    return change


@pytest.mark.parametrize(
    "change",
    [
        flip("tile/entries/000", 40),
        flip("tile/entries/002.p/91", -1),
        flip("tile/0/000", 5),
        flip("tile/1/000.p/2", 33),
        flip("checkpoint", -4),
        flip("checkpoint", len(ORIGIN) + 1),
        lambda folder: (folder / "tile/0/001").unlink(),
        lambda folder: shutil.copy(folder / "tile/entries/000", folder / "tile/entries/001"),
    ],
    ids=["entry", "last entry", "tile", "upper tile", "signature", "size", "tile gone", "entries twice"],
)
def test_it_would_have_noticed(
    sumdb: Sumdb, log: TwoDayLog, exported: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    change(copy)
    with pytest.raises(Refused):
        sumdb.export(copy, log.folder / "checkpoints", log.vkeys)


def test_trees_of_awkward_sizes(sumdb: Sumdb, tmp_path: Path) -> None:
    """Each with its checkpoint and its partial tiles, in one folder, as the writer would leave them."""
    key, tree = generate(ORIGIN), Tree()
    notes: list[bytes] = []
    entries: list[bytes] = []
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
    said = sumdb.export(tmp_path, tmp_path / "checkpoints", [key.vkey])
    assert [each["size"] for each in said["checkpoints"]] == [*AWKWARD]
    assert said["consistent"] == said["own_tiles"] == len(AWKWARD)
    assert said["entries"] == AWKWARD[-1]
    with pytest.raises(Refused, match="no verifiable signatures"):
        sumdb.export(tmp_path, tmp_path / "checkpoints", [generate(ORIGIN).vkey])


def put(folder: Path, name: str, octets: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)
