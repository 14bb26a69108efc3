"""The verifier on what is published: tree, tiles, checkpoints, changes of key, purges, `since`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from rorpost_gateway.audit import plan, verify, vouching
from rorpost_gateway.audit.purges import Purge
from rorpost_gateway.audit.reading import Part, read_part
from rorpost_gateway.audit.tiles import partial_widths
from rorpost_gateway.audit.verify import Broken, Verified, verify_log
from rorpost_gateway.audit.workers import Workers
from tests.peers.evidence import ORIGIN, Evidence, Key, lay, note

OLD, NEW, THIRD, STRANGER = Key(1), Key(2), Key(3), Key(9)
WITNESS = Key(4, name="witness.example/w1", kind=4)
FIRST, SECOND, THIRD_DAY = "2026-05-06.jsonl", "2026-05-07.jsonl", "2026-05-08.jsonl"


def verdict(folder: Path, **given: object) -> Verified:
    return verify_log(folder, **{"vkey": OLD.vkey, **given})  # type: ignore[arg-type]


def caught(folder: Path, **given: object) -> tuple[str, int, int, str]:
    with pytest.raises(Broken) as error:
        verdict(folder, **given)
    broken = error.value
    assert str(broken).isascii()
    return broken.file, broken.line, broken.entry, broken.check


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Evidence:
    """Three days, a full tile, torn octets, a change of key, checkpoints within and at the edge of a tile."""
    log = Evidence(tmp_path_factory.mktemp("published") / "log", OLD)
    log.publish()
    log.lines(10)
    log.torn(b'{"n":11')
    log.publish()
    log.day()
    log.lines(256 - log.size)
    log.publish()
    log.lines(30)
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    log.publish(OLD, NEW)
    log.keys = [NEW]
    log.publish(NEW, WITNESS)  # once more, with what a witness said of it
    log.day()
    log.lines(5)
    log.publish()
    log.lines(2)
    log.lay()
    return log


@pytest.fixture
def copy(sound, tmp_path) -> Path:
    return shutil.copytree(sound.folder, tmp_path / "log")


@pytest.mark.parametrize("part_octets", [plan.PART_OCTETS, 2000])
def test_a_sound_log_holds(sound, monkeypatch, part_octets) -> None:
    monkeypatch.setattr(plan, "PART_OCTETS", part_octets)
    verified = verdict(sound.folder)
    assert (verified.files, verified.entries, verified.torn) == (3, sound.size, 1)
    assert (verified.covered, verified.uncovered) == (sound.size - 2, 2)
    assert verified.uncovered_at == f"{THIRD_DAY}:7"
    assert (verified.checkpoints, verified.rotations) == (6, 1)
    assert verified.vkey == NEW.vkey
    assert verified.vkey_checked
    assert verified.origin == ORIGIN
    assert verified.head == sound.leaves[-1].hex()
    assert (verified.purged, verified.skipped, verified.keys_purged) == (0, 0, 0)
    assert verify_log(sound.folder, vkey=NEW.vkey) == verified
    assert not verify_log(sound.folder).vkey_checked


def test_several_processes_say_the_same(sound, monkeypatch) -> None:
    monkeypatch.setattr(plan, "PART_OCTETS", 20_000)
    assert verdict(sound.folder, processes=2) == verdict(sound.folder, processes=1)


@pytest.mark.parametrize("least_octets", [1, 1 << 30])
def test_a_long_log_is_read_by_as_many_as_there_are_processors(sound, monkeypatch, least_octets) -> None:
    asked: list[int] = []
    monkeypatch.setattr(verify, "Workers", lambda processes: asked.append(processes) or Workers(1))
    monkeypatch.setattr(verify, "SEVERAL_PROCESSES_OCTETS", least_octets)
    monkeypatch.setattr(verify, "usable_processors", lambda: 7)
    verdict(sound.folder)
    assert asked == [7 if least_octets == 1 else 1]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513])
def test_every_size_around_a_tile(tmp_path, size) -> None:
    log = Evidence(tmp_path)
    log.lines(size - 1)
    log.publish()
    assert verdict(tmp_path).covered == size
    assert verdict(tmp_path).uncovered_at is None


def test_the_tree_above_the_tiles(tmp_path, monkeypatch) -> None:
    """With tiles of four hashes the upper levels are there in a small log, too."""
    from rorpost_gateway.audit import growth, tiles

    monkeypatch.setattr(tiles, "WIDTH", 4)
    monkeypatch.setattr(tiles, "HEIGHT", 2)
    monkeypatch.setattr(tiles, "TILE_OCTETS", 128)
    monkeypatch.setattr(growth, "WIDTH", 4)
    monkeypatch.setattr(growth, "HEIGHT", 2)
    monkeypatch.setattr(growth.compare, "__kwdefaults__", None)
    from rorpost_gateway.audit import merkle

    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(300)]
    spine = growth.Spine(tmp_path, covered=0)
    random = Random(1)
    at = 0
    while at < len(leaves):
        end = min(len(leaves), at + random.randrange(1, 40))
        sizes = list(range(at + 1, end + 1))
        part = growth.grown(at, leaves[at:end], sizes=sizes, folder=tmp_path, covered=0)
        spine.add(part, sizes)
        at = end
    spine.finish()
    assert spine.roots == {size: merkle.root(leaves[:size]) for size in range(1, 301)}


# What is changed, and what catches it: file, line, entry, check.
def octets(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def line(name: str, number: int, old: bytes, new: bytes) -> Callable[[Path], object]:
    def change(whole: bytes) -> bytes:
        lines = whole.split(b"\n")
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
        return b"\n".join(lines)

    return octets(name, change)


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda whole: (
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] if at >= 0 else flip(at % len(whole))(whole)
    )


TAMPERINGS = {
    "a line in the middle": (line(FIRST, 3, b"anna", b"hans"), (FIRST, 4, 3, "chain")),
    "the last line that is covered": (line(THIRD_DAY, 6, b"anna", b"hans"), (THIRD_DAY, 7, 293, "chain")),
    "a leaf in a full tile": (octets("tile/0/000", flip(40)), ("tile/0/000", 0, 1, "tile")),
    "a leaf in a partial tile": (octets("tile/0/001.p/31", flip(-1)), ("tile/0/001.p/31", 0, 286, "tile")),
    "a hash above": (octets("tile/1/000.p/1", flip(0)), ("tile/1/000.p/1", 0, 0, "tile")),
    "a full tile cut short": (octets("tile/0/000", lambda whole: whole[:-1]), ("tile/0/000", 0, 0, "tile")),
    "a partial tile made longer": (
        octets("tile/0/001.p/37", lambda whole: whole + bytes(32)),
        ("tile/0/001.p/37", 0, 256, "tile"),
    ),
    "a full tile taken away": (lambda folder: (folder / "tile/0/000").unlink(), ("tile/0/000", 0, 0, "tile")),
    "a partial tile taken away": (
        lambda folder: (folder / "tile/0/001.p/31").unlink(),
        ("tile/0/001.p/31", 0, 256, "tile"),
    ),
    "a size": (line("checkpoints", 7, b"12", b"11"), ("checkpoints", 6, 11, "signature")),
    "a root": (line("checkpoints", 8, b"=", b"A"), ("checkpoints", 11, 256, "checkpoint")),
    "a signature": (line("checkpoints", 10, b" W", b" X"), ("checkpoints", 6, 12, "signature")),
    "a key's name": (line("checkpoints", 10, b"gw1", b"gw2"), ("checkpoints", 11, 256, "checkpoint")),
    "the origin": (line("checkpoints", 6, b"gw1", b"gw2"), ("checkpoints", 11, 256, "checkpoint")),
    "a checkpoint cut short": (
        octets("checkpoints", lambda whole: whole.replace(b"=\n", b"\n", 2)),
        ("checkpoints", 6, 12, "checkpoint"),
    ),
    "the last checkpoint cut short": (
        octets("checkpoints", lambda whole: whole[:-3]),
        ("checkpoint", 1, 293, "checkpoint"),
    ),
    "the last checkpoint taken away": (
        octets("checkpoints", lambda whole: whole[: whole.rindex(ORIGIN.encode() + b"\n293")]),
        ("checkpoint", 1, 293, "checkpoint"),
    ),
    "all checkpoints taken away": (
        lambda folder: (folder / "checkpoints").unlink(),
        ("checkpoint", 1, 293, "checkpoint"),
    ),
    "another octet in the newest": (octets("checkpoint", flip(-9)), ("checkpoint", 1, 293, "checkpoint")),
    "the newest one by a stranger": (
        octets("checkpoint", lambda _: note(293, b"r" * 32, STRANGER)),
        ("checkpoint", 1, 293, "checkpoint"),
    ),
    "a file taken away": (lambda folder: (folder / FIRST).unlink(), (SECOND, 1, 12, "purged")),
}


@pytest.mark.parametrize("what", TAMPERINGS)
@pytest.mark.parametrize("part_octets", [plan.PART_OCTETS, 2000])
def test_tampering_is_caught_and_named(copy, monkeypatch, what, part_octets) -> None:
    monkeypatch.setattr(plan, "PART_OCTETS", part_octets)
    tamper, expected = TAMPERINGS[what]
    tamper(copy)
    assert caught(copy) == expected


def test_a_last_line_that_only_a_checkpoint_covers(tmp_path) -> None:
    """No `prev` comes after it; the tiles tell which line it was."""
    lay(tmp_path, [3, 4])
    octets(
        SECOND, lambda whole: whole[: whole.rindex(b"anna")] + b"hans" + whole[whole.rindex(b"anna") + 4 :]
    )(tmp_path)
    assert caught(tmp_path) == (SECOND, 5, 8, "tree")


def test_a_line_and_its_tiles_changed_together(tmp_path) -> None:
    log = lay(tmp_path, [3])
    other = Evidence(tmp_path.with_name("other"))
    other.lines(3)
    other.line("heartbeat")
    for name in ("tile/0/000.p/4", FIRST):
        assert (log.folder / name).exists()
    changed = Evidence(tmp_path.with_name("changed"))
    changed.lines(2)
    changed.line("heartbeat")
    changed.publish()
    for name in ("tile/0/000.p/4", FIRST):
        (tmp_path / name).write_bytes((changed.folder / name).read_bytes())
    assert caught(tmp_path) == ("checkpoints", 1, 4, "tree")


def test_lines_cut_off_below_a_checkpoint(tmp_path) -> None:
    log = lay(tmp_path, [3, 4])
    octets(SECOND, lambda whole: whole[: whole[:-1].rindex(b"\n") + 1])(tmp_path)
    assert caught(tmp_path) == ("checkpoints", 6, 8, "tree")
    log.path.unlink()
    assert caught(tmp_path) == ("checkpoints", 6, 4, "tree")


def test_random_octets_of_all_that_is_covered(sound, tmp_path) -> None:
    random = Random(7)
    small = lay(tmp_path / "small", [4, 5], OLD)
    small.line("heartbeat")
    small.publish()
    files = [path for path in small.folder.rglob("*") if path.is_file()]
    for _ in range(250):
        path = random.choice(files)
        whole = path.read_bytes()
        at = random.randrange(len(whole))
        new = random.choice(
            [b"", bytes([whole[at] ^ 1 << random.randrange(8)]), whole[at : at + 1] * 2, b"\n", b"A"]
        )
        changed = whole[:at] + new + whole[at + 1 :]
        path.write_bytes(changed)
        if changed != whole:
            with pytest.raises(Broken):
                verdict(small.folder)
        path.write_bytes(whole)
    assert verdict(small.folder).covered == small.size


def test_a_log_of_a_version_that_made_no_checkpoints(tmp_path) -> None:
    log = Evidence(tmp_path)
    log.lines(3)
    log.lay()
    verified = verdict(tmp_path)
    assert (verified.checkpoints, verified.covered, verified.uncovered) == (0, 0, 4)
    assert verified.vkey_checked
    assert caught(tmp_path, vkey=NEW.vkey) == (FIRST, 1, 0, "vkey")
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    log.lay()
    assert caught(tmp_path) == (FIRST, 5, 4, "key")


def test_tiles_without_any_checkpoint_are_what_a_crash_left(tmp_path) -> None:
    log = lay(tmp_path, [3])
    for name in ("checkpoint", "checkpoints"):
        (log.folder / name).unlink()
    assert verdict(tmp_path).covered == 0


def test_a_crash_before_the_first_checkpoint_was_shown(tmp_path) -> None:
    lay(tmp_path, [3])
    (tmp_path / "checkpoint").unlink()
    assert verdict(tmp_path).checkpoints == 1


def test_the_newest_checkpoint_is_gone(copy) -> None:
    (copy / "checkpoint").unlink()
    assert caught(copy) == ("checkpoint", 0, 293, "checkpoint")


def test_a_crash_before_the_newest_checkpoint_was_shown(tmp_path) -> None:
    log = lay(tmp_path, [3])
    before = (tmp_path / "checkpoint").read_bytes()
    log.lines(1)
    log.publish()
    (tmp_path / "checkpoint").write_bytes(before)
    assert verdict(tmp_path).covered == 5


# Changes of key


def rotated(folder: Path, *notes: tuple[Key, ...]) -> Evidence:
    """A log whose key was changed, and checkpoints behind the `key` entry signed as given."""
    log = lay(folder, [2], OLD)
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    for keys in notes:
        log.publish(*keys)
        log.lines(1)
    log.lay()
    return log


def test_every_key_hands_over_to_the_next(tmp_path) -> None:
    log = rotated(tmp_path, (OLD, NEW), (NEW,))
    log.line("key", vkey=THIRD.vkey, previous=NEW.vkey, operator="root")
    log.publish(NEW, THIRD)
    log.publish(THIRD)
    for key in (OLD, NEW, THIRD):
        verified = verdict(tmp_path, vkey=key.vkey)
        assert (verified.vkey, verified.rotations, verified.vkey_checked) == (THIRD.vkey, 2, True)
    assert caught(tmp_path, vkey=STRANGER.vkey) == (FIRST, 1, 0, "vkey")


def test_until_both_have_signed_the_old_key_signs(tmp_path) -> None:
    """A crash came before the second signature was whole."""
    rotated(tmp_path, (OLD,), (OLD, NEW), (NEW,))
    assert verdict(tmp_path).vkey == NEW.vkey


def test_a_change_that_no_checkpoint_made_yet(tmp_path) -> None:
    rotated(tmp_path)
    assert verdict(tmp_path).vkey == OLD.vkey
    assert caught(tmp_path, vkey=NEW.vkey) == (FIRST, 1, 0, "vkey")


@pytest.mark.parametrize(
    ("notes", "place"),
    [
        ([(NEW,)], (6, 4)),
        ([(OLD, NEW), (OLD,)], (12, 5)),
        ([(OLD, NEW), (STRANGER,)], (12, 5)),
        ([(STRANGER, NEW)], (6, 4)),
        ([(OLD,), (NEW,)], (11, 5)),
    ],
)
def test_a_checkpoint_by_the_wrong_key(tmp_path, notes, place) -> None:
    rotated(tmp_path, *notes)
    line, entry = place
    assert caught(tmp_path) == ("checkpoints", line, entry, "signature")


@pytest.mark.parametrize(
    ("vkey", "previous"),
    [
        (NEW.vkey, STRANGER.vkey),
        (OLD.vkey, OLD.vkey),
        ("no key", OLD.vkey),
        (Key(2, name="other").vkey, OLD.vkey),
        (Key(2, kind=4).vkey, OLD.vkey),
    ],
)
def test_a_key_entry_that_does_not_go_on(tmp_path, vkey, previous) -> None:
    log = lay(tmp_path, [2], OLD)
    log.line("key", vkey=vkey, previous=previous, operator="root")
    log.lay()
    assert caught(tmp_path) == (FIRST, 4, 3, "key")


def test_a_forger_who_names_a_key_that_he_does_not_have(tmp_path) -> None:
    """The log is his from the beginning, and says that the key was changed to the auditor's."""
    log = lay(tmp_path, [2], STRANGER)
    log.line("key", vkey=OLD.vkey, previous=STRANGER.vkey, operator="root")
    log.lines(1)
    log.publish(STRANGER)
    assert caught(tmp_path) == (FIRST, 1, 0, "vkey")


def test_a_genesis_entry_with_another_origin_or_no_key(tmp_path) -> None:
    for at, key in enumerate((Key(1, name="other"), Key(1, kind=4))):
        log = lay(tmp_path / str(at), [1], key)
        assert caught(log.folder, vkey=None) == (FIRST, 1, 0, "key")


# Checkpoints once more, and torn ones


def test_witnesses_sign_checkpoints_that_others_have_followed(tmp_path) -> None:
    log = lay(tmp_path, [2, 3, 4], OLD)
    late = note(3, log.root(3), OLD, WITNESS)
    log.append_to_checkpoints(late)
    assert verdict(tmp_path).checkpoints == 4
    log.append_to_checkpoints(note(3, b"x" * 32, OLD, WITNESS))
    assert caught(tmp_path) == ("checkpoints", 22, 3, "tree")


def test_such_a_checkpoint_by_no_key_of_this_log(tmp_path) -> None:
    log = lay(tmp_path, [2, 3], OLD)
    log.append_to_checkpoints(note(3, log.root(3), STRANGER, WITNESS))
    assert caught(tmp_path) == ("checkpoints", 11, 3, "signature")


def test_one_that_comes_so_late_that_its_root_is_forgotten(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(vouching, "REMEMBERED", 1)
    log = lay(tmp_path, [2, 3, 4], OLD)
    log.append_to_checkpoints(note(3, log.root(3), OLD, WITNESS))
    assert verdict(tmp_path).checkpoints == 4
    log.append_to_checkpoints(note(3, b"x" * 32, OLD))
    assert caught(tmp_path) == ("checkpoints", 22, 3, "tree")


def torn_checkpoint(folder: Path, **other: object) -> Evidence:
    """A crash within a checkpoint; the next start has told of it, and gone on."""
    import hashlib

    log = lay(folder, [2], OLD)
    torn = note(4, log.root(), OLD)[:-30]
    offset = log.append_to_checkpoints(torn + b"\n")
    fields = {"offset": offset, "length": len(torn), "sha256": hashlib.sha256(torn).hexdigest(), **other}
    log.line("torn", file="checkpoints", **fields)
    log.lay()
    return log


def test_a_torn_checkpoint_is_told_of(tmp_path) -> None:
    log = torn_checkpoint(tmp_path)
    assert verdict(tmp_path).torn == 1
    log.publish()
    log.lines(1)
    log.publish()
    assert (verdict(tmp_path).torn, verdict(tmp_path).checkpoints) == (1, 3)


@pytest.mark.parametrize("other", [{"offset": 3}, {"length": 7}, {"sha256": "0" * 64}])
def test_a_torn_checkpoint_is_told_of_otherwise(tmp_path, other) -> None:
    log = torn_checkpoint(tmp_path, **other)
    log.publish()
    assert caught(tmp_path)[0::3] == ("checkpoints", "checkpoint")


def test_a_torn_end_of_which_nobody_has_told_yet(tmp_path) -> None:
    log = lay(tmp_path, [2], OLD)
    log.append_to_checkpoints(note(4, log.root(), OLD)[:-30])
    assert verdict(tmp_path).checkpoints == 1
    log.append_to_checkpoints(b"\n")
    log.lines(1)
    log.publish()
    assert caught(tmp_path) == ("checkpoints", 11, 4, "checkpoint")


def test_torn_entries_without_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(vouching, "TORN", 3)
    log = lay(tmp_path, [2], OLD)
    for _ in range(5):
        log.line("torn", file="checkpoints", offset=1, length=1 << 60, sha256="0" * 64)
    log.lay()
    assert caught(tmp_path) == (FIRST, 7, 6, "torn")


# Purges


@pytest.fixture
def purged(tmp_path) -> Evidence:
    """Four days, of which the first two are purged on the fourth; a full tile is in the second."""
    log = lay(tmp_path / "log", [3, 300, 2, 1], OLD)
    tell(log, 0, "beslut 12/2026")
    tell(log, 1, "beslut 13/2026")
    log.publish()
    for name in (FIRST, SECOND):
        (log.folder / name).unlink()
    return log


def tell(log: Evidence, day: int, decision: str, **other: object) -> None:
    following = sorted(log.folder.glob("*.jsonl"))[day + 1]
    told = json.loads(following.read_bytes().partition(b"\n")[0])
    fields = {name: told[name] for name in ("file", "first", "last", "sha256")} | {"decision": decision}
    log.line("purged", **(fields | {"operator": "root"} | other))


@pytest.mark.parametrize("part_octets", [plan.PART_OCTETS, 1000])
def test_what_was_purged_is_told_with_its_decisions(purged, monkeypatch, part_octets) -> None:
    monkeypatch.setattr(plan, "PART_OCTETS", part_octets)
    verified = verdict(purged.folder)
    assert verified.purges == (
        Purge(decision="beslut 12/2026", first=0, last=3, files=1),
        Purge(decision="beslut 13/2026", first=4, last=304, files=1),
    )
    assert (verified.purged, verified.entries, verified.files) == (305, purged.size, 2)
    assert verified.checkpoints == 5


def test_without_entry_0_the_auditor_must_give_the_key(purged) -> None:
    assert caught(purged.folder, vkey=None) == (THIRD_DAY, 0, 0, "vkey")
    assert caught(purged.folder, vkey=STRANGER.vkey)[3] == "signature"


def test_tiles_of_what_was_purged_are_still_bound(purged) -> None:
    octets("tile/0/000", flip(70))(purged.folder)
    assert caught(purged.folder)[3] in ("tree", "tile")


def test_a_purge_that_is_told_of_before_the_files_go(tmp_path) -> None:
    log = lay(tmp_path, [3, 3, 2], OLD)
    tell(log, 0, "beslut")
    log.publish()
    assert verdict(tmp_path).purges == ()


@pytest.mark.parametrize("other", [{"sha256": "0" * 64}, {"first": 1}, {"file": SECOND}, {"last": 4}])
def test_a_purged_entry_that_tells_of_another_file(tmp_path, other) -> None:
    log = lay(tmp_path, [3, 3, 2], OLD)
    tell(log, 0, "beslut", **other)
    log.publish()
    (tmp_path / FIRST).unlink()
    assert caught(tmp_path) == (SECOND, 1, 4, "purged")


def test_a_purge_that_no_checkpoint_covered(tmp_path) -> None:
    log = lay(tmp_path, [3, 3, 2], OLD)
    tell(log, 0, "beslut")
    log.lay()
    (tmp_path / FIRST).unlink()
    assert caught(tmp_path) == (SECOND, 1, 4, "purged")


def test_one_file_more_is_missing_than_was_purged(purged) -> None:
    (purged.folder / THIRD_DAY).unlink()
    assert caught(purged.folder) == ("2026-05-09.jsonl", 1, 308, "purged")


def test_told_once_more_since_it_could_not_be_removed(tmp_path) -> None:
    log = lay(tmp_path, [3, 3, 2], OLD)
    tell(log, 0, "beslut 1")
    tell(log, 0, "beslut 2")
    log.publish()
    (tmp_path / FIRST).unlink()
    assert [purge.decision for purge in verdict(tmp_path).purges] == ["beslut 2"]


def test_the_key_was_changed_in_what_is_purged(tmp_path) -> None:
    log = lay(tmp_path, [3], OLD)
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    log.publish(OLD, NEW)
    log.keys = [NEW]
    for _ in range(2):
        log.day()
        log.lines(3)
        log.publish()
    tell(log, 0, "beslut")
    log.publish()
    (tmp_path / FIRST).unlink()
    verified = verdict(tmp_path, vkey=NEW.vkey)
    assert (verified.keys_purged, verified.checkpoints) == (1, 5)
    assert caught(tmp_path, vkey=OLD.vkey)[3] == "signature"
    log.line("key", vkey=THIRD.vkey, previous=NEW.vkey, operator="root")
    log.publish(NEW, THIRD)
    assert verify_log(tmp_path).vkey == THIRD.vkey


# What the auditor kept


def test_since_a_checkpoint_that_was_kept(sound) -> None:
    for size in (1, 12, 256, 287, 293):
        for key in [OLD] if size < 287 else [OLD, NEW] if size == 287 else [NEW]:
            kept = note(size, sound.root(size), key)
            verified = verdict(sound.folder, since=kept)
            assert (verified.entries, verified.covered) == (sound.size, 293)
            assert verified.skipped == {1: 0, 12: 12, 256: 12, 287: 287, 293: 287}[size]


def test_since_reads_only_what_follows(copy, sound) -> None:
    octets(FIRST, flip(300))(copy)
    octets(SECOND, flip(300))(copy)
    kept = note(287, sound.root(287), NEW)
    assert verdict(copy, vkey=NEW.vkey, since=kept).skipped == 287
    octets(THIRD_DAY, flip(300))(copy)
    assert caught(copy, vkey=NEW.vkey, since=kept)[0] == THIRD_DAY


@pytest.mark.parametrize("days", [0, 1, 2])
def test_since_before_on_and_after_a_change_of_key(tmp_path, days) -> None:
    """Whether the change stands in a file that is read or not."""
    log = lay(tmp_path, [2] * (days + 1), OLD)
    before = log.publish()
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    both = log.publish(OLD, NEW)
    log.keys = [NEW]
    log.lines(2)
    after = log.publish()
    for _ in range(2):
        log.day()
        log.lines(2)
        last = log.publish()
    for kept in (before, both, after, last):
        for vkey in (OLD.vkey, NEW.vkey, None):
            verified = verdict(tmp_path, vkey=vkey, since=kept)
            assert (verified.entries, verified.vkey) == (log.size, NEW.vkey)
    assert caught(tmp_path, vkey=STRANGER.vkey, since=last)[3] == "vkey"


def test_a_key_that_was_replaced_by_then_signs_nothing_since(tmp_path) -> None:
    """A thief of the old key writes the log anew from where the auditor's checkpoint ends."""
    log = lay(tmp_path / "log", [2], OLD)
    log.line("key", vkey=NEW.vkey, previous=OLD.vkey, operator="root")
    log.publish(OLD, NEW)
    log.day()
    log.keys = [NEW]
    kept = log.publish()
    log.lines(2)
    log._notes = log._notes[: -len(kept)]
    log.publish(OLD)
    assert caught(log.folder, since=kept)[3] == "signature"
    assert caught(log.folder)[3] == "signature"


def test_a_change_of_key_in_a_file_that_is_not_read(copy, sound) -> None:
    kept = (copy / "checkpoint").read_bytes()
    assert verdict(copy, since=kept).skipped == 287
    line(SECOND, 275, NEW.vkey.encode(), STRANGER.vkey.encode())(copy)
    assert caught(copy, since=kept) == ("--since", 0, 293, "since")


@pytest.mark.parametrize(
    ("kept", "entry"),
    [
        (note(12, b"r" * 32, OLD), 12),
        (note(295, b"r" * 32, NEW), 295),
        (note(1 << 40, b"r" * 32, NEW), 1 << 40),
        (note(12, b"r" * 32, STRANGER), 12),
        (note(12, b"r" * 32, OLD, origin="other"), 12),
        (note(12, b"r" * 32, OLD)[:-1], 0),
        (b"", 0),
    ],
)
def test_since_a_checkpoint_that_is_not_of_this_log(sound, kept, entry) -> None:
    assert caught(sound.folder, since=kept) == ("--since", 0, entry, "since")


def test_a_log_cut_back_is_seen_by_whoever_kept_a_checkpoint(tmp_path) -> None:
    log = lay(tmp_path / "log", [3, 3], OLD)
    earlier = shutil.copytree(log.folder, tmp_path / "earlier")
    log.lines(4)
    kept = log.publish()
    assert verdict(earlier).entries == 8
    assert caught(earlier, since=kept) == ("--since", 0, 12, "since")


@pytest.mark.parametrize("size", [0, 1])
def test_since_needs_a_log_with_checkpoints(tmp_path, size) -> None:
    log = Evidence(tmp_path)
    log.lay()
    assert caught(tmp_path, since=note(size, log.root(size), OLD)) == ("--since", 0, size, "since")


def test_since_in_a_log_that_was_purged(purged) -> None:
    for size in (4, 280, 305, 308):
        assert verdict(purged.folder, since=note(size, purged.root(size), OLD)).entries == purged.size


# A daemon that writes meanwhile


def test_whatever_was_there_of_the_newest_file_when_its_size_was_taken(tmp_path) -> None:
    log = Evidence(tmp_path)
    log.lines(2)
    log.lay()
    whole = log.path.read_bytes()
    ends = [at for at, octet in enumerate(whole) if octet == 10]
    for end in range(1, len(whole) + 1):
        part = Part(
            path=log.path,
            begin=0,
            end=end,
            n=0,
            prev="0" * 64,
            opening="genesis",
            opened=False,
            newest=True,
            last=True,
        )
        reading = read_part(part)
        assert reading.fault is None
        assert reading.n == sum(at <= end for at in ends)
        assert reading.unfinished == (end - max([at + 1 for at in ends if at < end], default=0)) * (
            end not in ends and end - 1 not in ends
        )


def test_a_partial_tile_goes_away_once_the_full_one_stands(tmp_path, monkeypatch) -> None:
    """Between the look into the folder and the look at the tile."""
    from rorpost_gateway.audit import growth

    log = lay(tmp_path, [200])
    log.lines(55)
    log.publish()
    full, partial = tmp_path / "tile/0/000", tmp_path / "tile/0/000.p"
    octets_of_it = full.read_bytes()
    full.unlink()

    def look(folder: Path, level: int, index: int) -> list[int]:
        widths = partial_widths(folder, level, index)
        if level == 0 and index == 0:
            full.write_bytes(octets_of_it)
            shutil.rmtree(partial)
        return widths

    monkeypatch.setattr(growth, "partial_widths", look)
    assert verdict(tmp_path).covered == 256


# Folders made to hurt


@pytest.mark.parametrize(
    "name", ["checkpoint", "checkpoints", "tile/0/000", "tile/0/001.p/31", "tile/1/000.p/1"]
)
@pytest.mark.parametrize(
    "hostile", [b"", b"\0" * 100_000, b"\n" * 100_000, b"x" * 1_000_000, "— a b\n".encode() * 50_000]
)
def test_hostile_octets_are_broken_and_never_a_crash(copy, name, hostile) -> None:
    for change in (lambda _: hostile, lambda whole: hostile + whole, lambda whole: whole + hostile):
        before = (copy / name).read_bytes()
        # What stands behind the last checkpoint may be torn, as long as it is short.
        torn = name == "checkpoints" and change(before).startswith(before) and len(hostile) <= 100_000
        if change(before) != before and not torn:
            octets(name, change)(copy)
            with pytest.raises(Broken):
                verdict(copy)
            (copy / name).write_bytes(before)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints", "tile/0/000", "tile/0/001.p/31"])
def test_links_and_folders_in_place_of_files(copy, name) -> None:
    (copy / name).rename(copy / "elsewhere")
    (copy / name).symlink_to(copy / "elsewhere")
    with pytest.raises(Broken):
        verdict(copy)
    (copy / name).unlink()
    (copy / name).mkdir()
    with pytest.raises(Broken):
        verdict(copy)


def test_what_else_lies_in_the_folder_does_not_matter(copy) -> None:
    (copy / "tile/0/.001.tmp").write_bytes(b"x")
    (copy / "tile/0/001.p/.32.tmp").write_bytes(b"x")
    (copy / "tile/0/001.p/999").write_bytes(b"x")
    (copy / "decision-log.lock").write_bytes(b"")
    assert verdict(copy).covered == 293


def test_more_purges_than_there_can_be(tmp_path, monkeypatch) -> None:
    from rorpost_gateway.audit import purges

    monkeypatch.setattr(purges, "FILES", 3)
    log = Evidence(tmp_path)
    fields = {"file": FIRST, "first": 0, "sha256": "0" * 64, "decision": "d", "operator": "o"}
    for last in range(5):
        log.line("purged", last=last, **fields)
    log.lay()
    assert caught(tmp_path) == (FIRST, 5, 4, "purged")
