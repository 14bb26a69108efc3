"""Finding an entry, tiles, and proofs that stand alone."""

import base64
import time

import pytest

from rorpost_gateway.audit import entries, merkle
from rorpost_gateway.audit.checkpoints import parse_checkpoint, read_checkpoints
from rorpost_gateway.audit.entries import EntryMissing, find, line_number, locate
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.proofs import (
    PROOF_OCTETS,
    ProofFault,
    check_proof,
    consistency,
    consistency_text,
    parse_proof,
    prove,
)
from rorpost_gateway.audit.signatures import parse_vkey
from rorpost_gateway.audit.tiles import TileReader, read_tile, tile_name
from tests.peers.evidence import Evidence, Key, lay, mth, note

KEYS = [parse_vkey(Key().vkey)]


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Evidence:
    log = Evidence(tmp_path_factory.mktemp("proofs") / "log")
    log.publish()
    log.torn(b'{"n":1,"prev":"00')
    log.lines(300)
    log.publish()
    log.day()
    log.lines(10)
    log.torn(b"\n\n{\x00")
    log.lines(500)
    log.publish()
    log.day(days=3)
    log.lines(3)
    log.lay()
    return log


def lines_of(log: Evidence) -> list[bytes]:
    octets = b"".join(path.read_bytes() for path in sorted(log.folder.glob("*.jsonl")))
    return [line for line in octets.splitlines() if line.endswith(b"}")]


@pytest.mark.parametrize("scan_octets", [entries._SCAN_OCTETS, 300])
def test_every_entry_is_found(log, monkeypatch, scan_octets) -> None:
    monkeypatch.setattr(entries, "_SCAN_OCTETS", scan_octets)
    lines = lines_of(log)
    assert len(lines) == log.size
    for n in range(0, log.size, 1 if scan_octets == 300 else 50):
        assert find(log.folder, n) == lines[n]
    for n in (-1, log.size, 1 << 70):
        with pytest.raises(EntryMissing):
            find(log.folder, n)


def test_where_an_entry_stands(log) -> None:
    for n in (0, 1, 2, 302, 303, 320, log.size - 1):
        entry = locate(log.folder, n)
        octets = entry.path.read_bytes()
        assert octets[entry.offset :].startswith(entry.line + b"\n")
        assert octets.split(b"\n")[line_number(entry) - 1] == entry.line


@pytest.mark.parametrize(
    "octets", [b"", b"\n" * 100_000, b"x" * 3_000_000, b'{"n":1}\n' * 10_000, b"\0" * 100_000]
)
def test_nothing_is_found_in_files_made_to_hurt(tmp_path, octets) -> None:
    (tmp_path / "2026-05-06.jsonl").write_bytes(octets)
    begun = time.perf_counter()
    with pytest.raises(EntryMissing):
        find(tmp_path, 7)
    assert time.perf_counter() - begun < 5


def test_a_folder_that_is_none(tmp_path) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        find(tmp_path / "missing", 0)
    with pytest.raises(EntryMissing):
        find(tmp_path, 0)


@pytest.mark.parametrize(
    ("level", "index", "width", "name"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 999, 17, "tile/0/999.p/17"),
        (1, 1000, 256, "tile/1/x001/000"),
        (63, 1_234_067, 1, "tile/63/x001/x234/067.p/1"),
    ],
)
def test_names_of_tiles(level, index, width, name) -> None:
    assert tile_name(level, index, width) == name


def test_the_tree_that_stands_on_tiles(log) -> None:
    reader = TileReader(log.folder)
    size = read_size(log)
    assert reader.root(size) == mth(log.leaves[:size])
    assert [reader.leaf(n, size) for n in range(size)] == log.leaves[:size]
    tree, memory = reader.tree(size), merkle.over(log.leaves[:size])
    for level in range(size.bit_length()):
        for index in range(size >> level):
            assert tree(level, index) == memory(level, index)


def read_size(log: Evidence) -> int:
    return max(listed.checkpoint.size for listed in read_checkpoints(log.folder))


def test_a_tree_keeps_few_tiles_in_memory(log) -> None:
    reader = TileReader(log.folder)
    for size in range(1, 300):
        reader.root(size)
    assert len(reader._kept) <= 64


def test_a_tile_that_is_missing_or_of_another_length_is_broken(tmp_path) -> None:
    log = lay(tmp_path, [300])
    path = tmp_path / "tile/0/000"
    octets = path.read_bytes()
    with pytest.raises(FileNotFoundError):
        read_tile(tmp_path, 0, 9)
    for wrong in (b"", octets[:-1], octets + b"x", octets * 1000):
        path.write_bytes(wrong)
        with pytest.raises(Broken, match="as long as"):
            TileReader(tmp_path).leaf(5, log.size)
    path.unlink()
    with pytest.raises(Broken, match="not there"):
        TileReader(tmp_path).leaf(5, log.size)


def test_every_covered_entry_can_be_proved(log) -> None:
    lines, size = lines_of(log), read_size(log)
    for n in {0, 1, 255, 256, 257, 302, 511, 512, size - 1}:
        proof = check_proof(prove(log.folder, n), lines[n], keys=KEYS)
        assert (proof.index, proof.checkpoint.size) == (n, size)
        with pytest.raises(ProofFault, match="not that entry"):
            check_proof(prove(log.folder, n), lines[n] + b" ", keys=KEYS)
    for n in (size, log.size - 1, -1):
        with pytest.raises(EntryMissing):
            prove(log.folder, n)


def test_the_form_of_a_proof(log) -> None:
    proof = prove(log.folder, 3)
    title, index, *hashes = proof.partition(b"\n\n")[0].split(b"\n")
    assert (title, index) == (b"c2sp.org/tlog-proof@v1", b"index 3")
    assert [base64.b64decode(each) for each in hashes] == merkle.inclusion_proof(
        3, read_size(log), merkle.over(log.leaves[: read_size(log)])
    )
    assert proof.partition(b"\n\n")[2] == (log.folder / "checkpoint").read_bytes()


def test_a_proof_of_the_only_entry_has_no_hash(tmp_path) -> None:
    log = Evidence(tmp_path)
    log.publish()
    proof = prove(tmp_path, 0)
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nmotala.se")
    check_proof(proof, find(tmp_path, 0), keys=KEYS)


def test_no_proof_of_what_was_changed(tmp_path) -> None:
    log = lay(tmp_path, [20])
    octets = log.path.read_bytes()
    log.path.write_bytes(octets.replace(b'"login":"anna"', b'"login":"hans"', 1))
    with pytest.raises(Broken) as caught:
        prove(tmp_path, 1)
    assert (caught.value.file, caught.value.line, caught.value.check) == (log.path.name, 2, "tree")
    prove(tmp_path, 2)
    (tmp_path / "tile/0/000.p/21").write_bytes(b"\0" * 32 * 21)
    with pytest.raises(Broken, match="do not fit together"):
        prove(tmp_path, 2)


def test_any_octet_of_a_proof_changed_is_found(log) -> None:
    proof, line = prove(log.folder, 7), lines_of(log)[7]
    for at in range(len(proof)):
        with pytest.raises(ProofFault):
            check_proof(proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :], line, keys=KEYS)
        with pytest.raises(ProofFault):
            check_proof(proof[:at] + proof[at + 1 :], line, keys=KEYS)


def test_a_proof_may_carry_something_that_is_nobody_s_word(log) -> None:
    title, rest = prove(log.folder, 7).split(b"\n", 1)
    proof = parse_proof(title + b"\nextra aGVq\n" + rest)
    assert proof.extra == b"hej"
    check_proof(title + b"\nextra aGVq\n" + rest, lines_of(log)[7], keys=KEYS)


HASH = base64.b64encode(b"h" * 32) + b"\n"
CHECKPOINT = note(9, b"r" * 32, Key())
TITLE = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        TITLE,
        TITLE + b"\n" + CHECKPOINT,
        TITLE + b"index 3\n" + HASH + CHECKPOINT,
        TITLE + b"index 03\n" + HASH + b"\n" + CHECKPOINT,
        TITLE + b"index -3\n" + HASH + b"\n" + CHECKPOINT,
        TITLE + b"index " + b"9" * 10_000 + b"\n\n" + CHECKPOINT,
        TITLE + b"index 3\nextra aGVq\n" + HASH + b"\n" + CHECKPOINT,
        TITLE + b"extra !\nindex 3\n" + HASH + b"\n" + CHECKPOINT,
        TITLE + b"extra aGVq\n\n" + CHECKPOINT,
        TITLE + b"index 3\naGVq\n\n" + CHECKPOINT,
        TITLE + b"index 3\n" + HASH * 65 + b"\n" + CHECKPOINT,
        TITLE + b"index 3\n" + HASH * 11_000 + b"\n" + CHECKPOINT,
        TITLE + b"index 3\n" + HASH + b"\n" + CHECKPOINT + b"\n",
        TITLE + b"index 3\n" + HASH + b"\nnot a checkpoint\n",
        b"x" * (PROOF_OCTETS + 1),
    ],
)
def test_what_is_no_proof(octets) -> None:
    with pytest.raises(ProofFault, match="not a proof"):
        check_proof(octets, b"", keys=KEYS)


def test_a_proof_by_another_log_s_key_is_none(log) -> None:
    line = lines_of(log)[7]
    other = Key(1, name="other.example/log")
    with pytest.raises(ProofFault, match="not signed by a known key"):
        check_proof(prove(log.folder, 7), line, keys=[parse_vkey(Key(2).vkey)])
    head, _, octets = prove(log.folder, 7).partition(b"\n\n")
    cosigned = octets + other.line(octets.partition(b"\n\n")[0] + b"\n")
    with pytest.raises(ProofFault, match="another log's"):
        check_proof(head + b"\n\n" + cosigned, line, keys=[parse_vkey(other.vkey)])


def test_all_checkpoints_are_consistent_with_each_other(log) -> None:
    found = [listed.checkpoint for listed in read_checkpoints(log.folder)]
    for new in found:
        for old in found:
            if old.size > new.size:
                with pytest.raises(Broken, match="covers less"):
                    consistency(log.folder, old, new)
                continue
            hashes = consistency(log.folder, old, new)
            assert merkle.verify_consistency(old.size, new.size, hashes, old.root, new.root)
            assert consistency_text(hashes).count("\n") == len(hashes)


def test_no_consistency_with_what_was_never_this_log_s(log) -> None:
    new = list(read_checkpoints(log.folder))[-1].checkpoint
    for other in (note(300, b"x" * 32, Key()), note(new.size, b"x" * 32, Key())):
        with pytest.raises(Broken, match="not both"):
            consistency(log.folder, parse_checkpoint(other), new)
    with pytest.raises(Broken, match="different logs"):
        consistency(log.folder, parse_checkpoint(note(3, new.root, Key(), origin="other")), new)
    with pytest.raises(Broken, match="not there"):
        consistency(log.folder, new, parse_checkpoint(note(1 << 40, b"x" * 32, Key())))
