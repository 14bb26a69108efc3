"""A start on what somebody changed while the daemon was away: refused, by name. What a crash left is not."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.decision_log.published.note import parse_checkpoint, sign_checkpoint, whole_notes
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.errors import LogDamaged
from tests.peers.log_workshop import KEY, ORIGIN, NoSync, Workshop, kill

Damage = Callable[[Workshop], object]


@pytest.fixture
async def log(workshop: Workshop) -> Workshop:
    """Two days of 300 entries in all, closed in order, with a copy of the checkpoint elsewhere."""
    workshop.witness_file = workshop.folder.parent / "decision-log.last"
    await workshop.write(days=2, lines=149)
    return workshop


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    octets = path.read_bytes()
    path.write_bytes(change(octets))
    assert path.read_bytes() != octets


def in_line(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def apply(octets: bytes) -> bytes:
        lines = octets.splitlines(keepends=True)
        lines[number] = change(lines[number])
        return b"".join(lines)

    return apply


def newest(log: Workshop) -> Path:
    return log.files()[-1]


def checkpoint(size: int, root: bytes = bytes(32), origin: str = ORIGIN) -> bytes:
    key = KEY if origin == ORIGIN else generate(origin)
    return sign_checkpoint([key], origin=origin, size=size, root=root).note


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a byte of the newest file": (
        lambda log: edit(newest(log), in_line(40, lambda line: line.replace(b"motala", b"motaxa"))),
        "2026-05-07.jsonl:41: entry 190: not the line that the checkpoint covers",
    ),
    "a line taken out": (
        lambda log: edit(newest(log), in_line(40, lambda _: b"")),
        "2026-05-07.jsonl:41: entry 190: entry number 191 where 190 belongs",
    ),
    "two lines taken off the end": (
        lambda log: edit(newest(log), in_line(-1, lambda _: b"")),
        "2026-05-07.jsonl:149: entry 299: the log ends here, and its last checkpoint covers 300 entries",
    ),
    "the last line cut": (
        lambda log: edit(newest(log), lambda octets: octets[:-5]),
        "entry 299: the log ends here",
    ),
    "the newest file removed": (lambda log: newest(log).unlink(), "entry 150: the log ends here"),
    "the older file removed": (lambda log: log.files()[0].unlink(), "no `purged` entry says so"),
    "the older file's last line": (
        lambda log: edit(log.files()[0], in_line(-1, lambda line: line.replace(b"motala", b"motaxa"))),
        "2026-05-06.jsonl:0: entry 149: the last line is not the one that the checkpoint covers",
    ),
    "the older file cut": (
        lambda log: edit(log.files()[0], in_line(-1, lambda _: b"")),
        "ends with entry 148, and the next file begins with 150",
    ),
    "every file removed": (
        lambda log: [path.unlink() for path in log.files()],
        "the log ends here, and its last checkpoint covers 300 entries",
    ),
    "a leaf's tile": (
        lambda log: edit(log.folder / "tile/0/001.p/44", lambda octets: bytes(32) + octets[32:]),
        "the tiles do not give the root of the checkpoint over 300 entries",
    ),
    "the full tile": (
        lambda log: edit(log.folder / "tile/0/000", lambda octets: octets[:-32] + bytes(32)),
        "not what the checkpoint was made of",
    ),
    "a tile removed": (lambda log: (log.folder / "tile/0/000").unlink(), "is missing"),
    "all tiles removed": (lambda log: shutil.rmtree(log.folder / "tile"), "is missing"),
    "a signature": (
        lambda log: edit(log.folder / "checkpoints", lambda octets: octets[:-10] + b"AAAAAAAA" + octets[-2:]),
        "signed by another key",
    ),
    "a checkpoint over another root": (
        lambda log: (log.folder / "checkpoints").write_bytes(checkpoint(300)),
        "the tiles do not give the root",
    ),
    "a checkpoint of more than there is": (
        lambda log: (log.folder / "checkpoints").write_bytes(checkpoint(301)),
        "is missing",
    ),
    "another log's checkpoint": (
        lambda log: (log.folder / "checkpoint").write_bytes(checkpoint(300, origin="other.example/log")),
        "a checkpoint of another log, other.example/log",
    ),
    "the last checkpoint taken out": (
        lambda log: edit(log.folder / "checkpoints", all_but_the_last),
        "names 300 entries, the last one in checkpoints only",
    ),
    "`checkpoints` emptied": (lambda log: (log.folder / "checkpoints").write_bytes(b""), "has no checkpoint"),
    "`checkpoints` removed": (lambda log: (log.folder / "checkpoints").unlink(), "has no checkpoint"),
    "octets put behind `checkpoints`": (
        lambda log: edit(log.folder / "checkpoints", lambda octets: octets + b"x"),
        "no part of a checkpoint",
    ),
    "a long stretch of zeros behind `checkpoints`": (
        lambda log: edit(log.folder / "checkpoints", lambda octets: octets + bytes(100_000)),
        "no part of a checkpoint",
    ),
    "nonsense as `checkpoint`": (
        lambda log: (log.folder / "checkpoint").write_bytes(b"\0" * 40),
        "checkpoint: not a checkpoint",
    ),
    "the whole folder removed": (
        lambda log: shutil.rmtree(log.folder),
        "decision-log.last: names 300 entries",
    ),
    "everything published removed": (lambda log: log.unpublish(), "decision-log.last: names 300 entries"),
    "nonsense elsewhere": (
        lambda log: log.witness_file.write_bytes(b"x"),
        "decision-log.last: not a checkpoint",
    ),
    "another root elsewhere": (
        lambda log: log.witness_file.write_bytes(checkpoint(256)),
        "decision-log.last: its root over 256 entries is not the log's",
    ),
    "more entries elsewhere": (
        lambda log: log.witness_file.write_bytes(checkpoint(301)),
        "decision-log.last: names 301 entries, the last one in checkpoints only 300",
    ),
}


def all_but_the_last(octets: bytes) -> bytes:
    return octets[: whole_notes(octets, ORIGIN)[-2][0]]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_log_that_was_changed_is_not_continued(log: Workshop, what: str) -> None:
    damage, text = DAMAGES[what]
    damage(log)
    before = everything(log.folder)
    with pytest.raises(LogDamaged) as caught:
        await log.open(disk=NoSync())
    assert text in caught.value.private
    assert str(log.folder) not in caught.value.public
    after = everything(log.folder)
    after.pop(log.folder / "decision-log.lock", None)
    before.pop(log.folder / "decision-log.lock", None)
    assert after == before


async def test_an_old_backup_put_back_is_noticed_by_the_copy_elsewhere(log: Workshop, tmp_path: Path) -> None:
    shutil.copytree(log.folder, tmp_path / "backup")
    await log.reopen(log.folder)
    shutil.rmtree(log.folder)
    shutil.move(tmp_path / "backup", log.folder)
    with pytest.raises(LogDamaged, match="names 301 entries, the last one in checkpoints only 300"):
        await log.open()
    log.witness_file = None  # nobody remembers
    await (await log.open()).close()


@pytest.mark.parametrize("what", ["missing", "a checkpoint older"])
async def test_copies_that_a_crash_left_behind_are_renewed(log: Workshop, what: str) -> None:
    shown, kept = log.folder / "checkpoint", log.witness_file
    right = shown.read_bytes()
    older = whole_notes((log.folder / "checkpoints").read_bytes(), ORIGIN)[0][1].note
    for path in (shown, kept):
        path.unlink() if what == "missing" else path.write_bytes(older)
        there = kept.exists()
        writer = await log.open(disk=NoSync())
        assert writer.witness_file_was_missing == (not there)
        await writer.close()
        assert (shown.read_bytes(), kept.read_bytes()) == (right, right)
    assert (log.folder / "checkpoints").read_bytes().endswith(right)
    assert (log.folder / "checkpoints").read_bytes().count(right) == 1


async def test_lines_that_no_checkpoint_covers_are_read_and_covered_at_the_start(log: Workshop) -> None:
    for _ in range(3):  # over two midnights, with a torn line
        writer = await log.open(disk=NoSync())
        await log_lines(writer, log)
        await kill(writer)
        log.clock.now += 86_400
    path = newest(log)
    path.write_bytes(path.read_bytes()[:-9])
    writer = await log.open(disk=NoSync())
    assert writer.published is not None
    entries = [
        json.loads(line) for line in log.lines()[:-3] if line.startswith(b'{"n"') and line.endswith(b"}")
    ]
    await writer.close()
    read = parse_checkpoint((log.folder / "checkpoint").read_bytes())
    assert read is not None
    assert read.size == writer.published.size == entries[-1]["n"] + 3
    assert log.verify().entries == read.size


async def log_lines(writer, log: Workshop) -> None:
    for _ in range(2):
        await writer.append([log.decision()])


async def test_a_changed_line_after_the_checkpoint_is_caught_by_the_chain(log: Workshop) -> None:
    writer = await log.open(disk=NoSync())
    await log_lines(writer, log)
    await kill(writer)
    edit(newest(log), in_line(-2, lambda line: line.replace(b"motala", b"motaxa")))
    with pytest.raises(LogDamaged, match="entry 301: prev is not the hash of the line before"):
        await log.open()


@pytest.mark.parametrize("lines", [0, 3, 600])
async def test_a_log_older_than_checkpoints_is_taken_over(workshop: Workshop, lines: int) -> None:
    await workshop.write(days=2, lines=lines)
    expected = (workshop.folder / "checkpoint").read_bytes()
    workshop.unpublish()
    await (await workshop.open(disk=NoSync())).close()
    assert (workshop.folder / "checkpoint").read_bytes() == expected
    assert (workshop.folder / "checkpoints").read_bytes() == expected
    workshop.verify()


async def test_a_log_older_than_checkpoints_with_another_key_is_not(workshop: Workshop) -> None:
    await workshop.write()
    workshop.unpublish()
    with pytest.raises(LogDamaged, match="names another verifier key"):
        await workshop.open(signing_key=generate(ORIGIN))


async def test_after_a_rotation_its_new_key_takes_over_and_its_old_one_does_not(workshop: Workshop) -> None:
    new = generate(ORIGIN)
    log = await workshop.open(disk=NoSync())
    await log.append([Record(event=Event.KEY, fields={"vkey": new.vkey, "previous": KEY.vkey})])
    log.sign_with(new)
    await log.close()
    for published in (True, False):
        if not published:
            workshop.unpublish()
        with pytest.raises(LogDamaged, match="key"):
            await workshop.open()
        await (await workshop.open(signing_key=new, disk=NoSync())).close()


@pytest.mark.parametrize("end", [1, 30, 100, -1, -2])
@pytest.mark.parametrize("zeros", [0, 70])
async def test_a_torn_checkpoint_is_closed_and_told_of(log: Workshop, end: int, zeros: int) -> None:
    path = log.folder / "checkpoints"
    octets = path.read_bytes()
    torn = octets[-300:][octets[-300:].index(ORIGIN.encode()) :][:end] + b"\0" * zeros
    whole = end == -1 and not zeros
    path.write_bytes(octets + torn)
    writer = await log.open(disk=NoSync())
    assert (writer.torn_at_start is None) == whole
    await writer.append([record.heartbeat()])
    await writer.close()
    assert path.read_bytes().startswith(octets + torn + b"\n")
    told = [json.loads(line) for line in log.lines() if b'"event":"torn"' in line]
    assert [(entry["file"], entry["offset"], entry["length"]) for entry in told] == (
        [] if whole else [("checkpoints", len(octets), len(torn))]
    )
    log.verify()
    await log.reopen(log.folder)


async def test_a_crash_in_the_checkpoint_after_a_torn_one(log: Workshop) -> None:
    path = log.folder / "checkpoints"
    for _ in range(3):
        writer = await log.open(disk=NoSync())
        size = path.stat().st_size
        await writer.append([log.decision()])
        await writer.close()
        # The note that was to cover the line was cut, and nothing came after it.
        path.write_bytes(path.read_bytes()[: size + 40])
        read = whole_notes(path.read_bytes(), ORIGIN)[-1][1]
        (log.folder / "checkpoint").write_bytes(read.note)
        log.witness_file.write_bytes(read.note)
    await log.reopen(log.folder)
    assert sum(b'"event":"torn"' in line for line in log.lines()) == 3


async def test_a_crash_while_a_torn_checkpoint_is_mended_changes_nothing(log: Workshop) -> None:
    path = log.folder / "checkpoints"
    octets = path.read_bytes()
    path.write_bytes(octets + b"motala.se/rorpost/gw1\n30")
    before = {each: each.read_bytes() for each in log.files()}
    for _ in range(2):  # the newline was written, and nothing else
        await kill(await log.open(disk=NoSync()))
        path.write_bytes(path.read_bytes()[: len(octets) + 25])
        for each, content in before.items():
            each.write_bytes(content)
        for name in ("checkpoint", "tile/0/001.p/45"):
            (log.folder / name).unlink()
        log.witness_file.unlink()
    await log.reopen(log.folder)
    assert sum(b'"event":"torn"' in line for line in log.lines()) == 1


async def test_a_purged_file_is_one_that_the_log_tells_of(log: Workshop) -> None:
    first = log.files()[0]
    told = Record(event=Event.PURGED, fields={"file": first.name, "first": 0, "last": 149})
    writer = await log.open(disk=NoSync())
    await writer.append([told])
    await writer.close()
    first.unlink()
    await (await log.open(disk=NoSync())).close()


async def test_a_start_reads_no_more_of_an_old_file_than_its_ends(log: Workshop) -> None:
    """What lies in the middle of an older file is for `audit verify`: a start must not take an hour."""
    edit(log.files()[0], in_line(70, lambda line: line.replace(b"motala", b"motaxa")))
    await (await log.open(disk=NoSync())).close()


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A log of two days for many examples; each puts back what it changed."""
    workshop = Workshop(tmp_path_factory.mktemp("laid") / "decisions")
    workshop.witness_file = workshop.folder.parent / "decision-log.last"
    asyncio.run(workshop.write(days=2, lines=140))
    return workshop


def mutations(octets: bytes) -> st.SearchStrategy[bytes]:
    """One octet changed, removed, put in or swapped with the next; the file's last newline aside."""
    at = st.integers(0, len(octets) - 2)
    return st.one_of(
        st.builds(
            lambda i, bit: octets[:i] + bytes([octets[i] ^ 1 << bit]) + octets[i + 1 :], at, st.integers(0, 7)
        ),
        st.builds(lambda i: octets[:i] + octets[i + 1 :], at),
        st.builds(lambda i, new: octets[:i] + bytes([new]) + octets[i:], at, st.integers(0, 255)),
        st.builds(lambda i: octets[:i] + octets[i : i + 2][::-1] + octets[i + 2 :], at),
    ).filter(lambda changed: changed != octets)


NEWEST_TILES = ("tile/0/000", "tile/0/001.p/26", "tile/1/000.p/1")


@pytest.mark.parametrize("name", ["2026-05-07.jsonl", *NEWEST_TILES, "checkpoint", "../decision-log.last"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_octet_changed_of_what_a_start_relies_on_is_noticed(
    laid: Workshop, name: str, data: st.DataObject
) -> None:
    path = laid.folder / name
    octets = path.read_bytes()
    path.write_bytes(data.draw(mutations(octets)))
    before = everything(laid.folder)
    try:
        with pytest.raises(LogDamaged):
            asyncio.run(close_again(laid))
        assert everything(laid.folder) == before
    finally:
        path.write_bytes(octets)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_octets_as_checkpoints_are_refused_or_mended(laid: Workshop, data: st.DataObject) -> None:
    """Never a crash, and never a checkpoint of anything else than what the log holds."""
    path = laid.folder / "checkpoints"
    octets = path.read_bytes()
    kept = everything(laid.folder.parent)
    path.write_bytes(
        data.draw(
            st.one_of(mutations(octets), st.binary(max_size=300), st.builds(octets.__add__, st.binary()))
        )
    )
    try:
        asyncio.run(close_again(laid))
    except LogDamaged:
        pass
    else:
        assert parse_checkpoint((laid.folder / "checkpoint").read_bytes()) is not None
    finally:
        shutil.rmtree(laid.folder)
        for each, content in kept.items():
            each.parent.mkdir(parents=True, exist_ok=True)
            each.write_bytes(content)


async def close_again(laid: Workshop) -> None:
    await (await laid.open(disk=NoSync())).close()
