"""What a crash leaves at the end of the log: closed and told of, never cut, never mistaken for damage."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from rorpost_gateway.decision_log import record
from rorpost_gateway.errors import LogDamaged


def last_line_at(octets: bytes) -> int:
    return octets[:-1].rfind(b"\n") + 1


async def test_a_last_line_cut_at_every_byte(workshop, no_sync) -> None:
    await workshop.write()
    log = await workshop.open(disk=no_sync)
    await log.append([record.heartbeat()])
    await log.close()
    (path,) = workshop.files()
    octets = path.read_bytes()
    at = last_line_at(octets)
    for end in range(at, len(octets) + 1):
        workshop.lay(path, octets[:end])
        verified = await workshop.reopen(workshop.folder)
        whole = end >= len(octets) - 1  # only its newline is missing: it is an entry
        assert verified.torn == (at < end and not whole), end
        assert verified.entries == 4 + (at < end) + 1
        assert path.read_bytes().startswith(octets[:end])
        if verified.torn:
            torn = json.loads(path.read_bytes()[end + 1 :].splitlines()[0])
            assert (torn["n"], torn["event"], torn["file"]) == (4, "torn", path.name)
            assert (torn["offset"], torn["length"]) == (at, end - at)
            assert torn["sha256"] == hashlib.sha256(octets[at:end]).hexdigest()


async def test_a_crash_at_every_byte_of_the_mending_itself(workshop) -> None:
    await workshop.write(lines=1)
    (path,) = workshop.files()
    octets = path.read_bytes()
    torn_octets = octets[:-20]
    workshop.lay(path, torn_octets)
    mended = (await workshop.reopen(workshop.folder), path.read_bytes())[1]
    mending = mended[: mended.index(b'"event":"torn"')]
    mending = mended[: mended.index(b"\n", len(mending)) + 1]
    for end in range(len(torn_octets), len(mending) + 1):
        workshop.lay(path, mended[:end])
        verified = await workshop.reopen(workshop.folder)
        assert verified.torn == 1, end
        assert path.read_bytes().startswith(mended[:end])


async def test_crash_after_crash_within_the_mending(workshop) -> None:
    await workshop.write(lines=1)
    (path,) = workshop.files()
    workshop.lay(path, path.read_bytes()[:-20])
    for _ in range(4):
        before = path.read_bytes()
        await workshop.reopen(workshop.folder)
        mended = path.read_bytes()
        workshop.lay(path, mended[: len(before) + 60])
    verified = await workshop.reopen(workshop.folder)
    assert verified.torn == 1


async def test_a_new_day_file_cut_at_every_byte_of_its_first_line(two_days) -> None:
    second = two_days.files()[1]
    octets = second.read_bytes()
    day = octets.index(b"\n") + 1
    two_days.clock.now += 86_400  # the restart comes a day later still
    for end in range(day + 1):
        for path in two_days.files()[2:]:
            path.unlink()
        two_days.lay(second, octets[:end])
        verified = await two_days.reopen(two_days.folder)
        assert (verified.files, verified.torn) == (3, int(0 < end < day - 1)), end
        assert second.read_bytes().startswith(octets[:end])


async def test_a_first_file_cut_at_every_byte_of_its_genesis(workshop) -> None:
    await workshop.write(lines=0)
    (path,) = workshop.files()
    octets = path.read_bytes()
    for end in range(len(octets) + 1):
        workshop.lay(path, octets[:end])
        verified = await workshop.reopen(workshop.folder)
        assert verified.torn == (0 < end < len(octets) - 1)
        assert verified.entries == 2 + verified.torn


async def test_a_torn_line_is_told_of_in_its_own_file_even_if_the_next_line_is_of_another_day(
    workshop,
) -> None:
    await workshop.write(lines=2)
    (first,) = workshop.files()
    workshop.lay(first, first.read_bytes()[:-7])
    workshop.clock.now += 86_400
    verified = await workshop.reopen(workshop.folder)
    assert (verified.files, verified.torn) == (2, 1)
    first, second = workshop.files()
    assert json.loads(first.read_bytes().splitlines()[-1])["event"] == "torn"
    assert json.loads(second.read_bytes().splitlines()[0])["event"] == "day"


async def test_several_torn_lines_over_a_life(workshop, no_sync) -> None:
    await workshop.write()
    for _ in range(5):
        path = workshop.files()[-1]
        workshop.lay(path, path.read_bytes()[:-3])
        log = await workshop.open(disk=no_sync)
        assert log.torn_at_start is not None
        await log.append([workshop.decision()])
        await log.close()
        workshop.clock.now += 40_000
    assert workshop.verify().torn == 5


@pytest.mark.parametrize(
    "garbage",
    [b"\x00", b"\x00" * 5000, b"\x00" * 40_000, b"\xff\xfe", b"{", b'{"n":', b"x" * 20_000, b"[" * 9000],
)
async def test_whatever_stands_behind_the_last_newline_is_torn(workshop, garbage) -> None:
    await workshop.write()
    (path,) = workshop.files()
    octets = path.read_bytes()
    workshop.lay(path, octets + garbage)
    assert workshop.verify().unfinished_octets == len(garbage)
    verified = await workshop.reopen(workshop.folder)
    assert (verified.torn, verified.entries) == (1, 6)
    assert path.read_bytes().startswith(octets + garbage + b"\n")


async def test_zero_bytes_behind_a_whole_line_are_what_a_power_cut_leaves(workshop) -> None:
    await workshop.write()
    (path,) = workshop.files()
    workshop.lay(path, path.read_bytes()[:-1] + b"\x00" * 100)
    assert (await workshop.reopen(workshop.folder)).torn == 1


def change_prev(octets: bytes) -> bytes:
    at = last_line_at(octets)
    return octets[:at] + octets[at:].replace(b'"prev":"', b'"prev":"0', 1)[:-1]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("an object that does not chain, without its newline", change_prev),
        ("an object and more", lambda octets: octets[:-1] + b"x"),
        ("a line of garbage", lambda octets: octets + b"garbage\n"),
        ("an empty line", lambda octets: octets + b"\n"),
        ("a doubled line", lambda octets: octets + octets[last_line_at(octets) :]),
        ("a line with spaces before it", lambda octets: octets.replace(b'{"n":2', b' {"n":2')),
        ("an overlong line", lambda octets: octets + b"x" * 20_000 + b"\n"),
        ("a changed byte", lambda octets: octets.replace(b'"n":2,', b'"n":3,')),
        (
            "a torn entry about nothing",
            lambda octets: octets.replace(b'"event":"decision"', b'"event":"torn"'),
        ),
        ("no genesis", lambda octets: octets[octets.index(b"\n") + 1 :]),
    ],
)
@pytest.mark.parametrize("published", [True, False])
async def test_what_no_crash_leaves_is_damage_and_refused(workshop, name, damage, published) -> None:
    await workshop.write()
    (path,) = workshop.files()
    octets = damage(path.read_bytes())
    path.write_bytes(octets)
    if not published:
        workshop.unpublish()
    with pytest.raises(LogDamaged) as caught:
        await workshop.open()
    assert f"{path}:" in caught.value.private
    assert ": entry " in caught.value.private
    assert str(path) not in caught.value.public
    assert path.read_bytes() == octets


async def test_damage_is_named_by_file_line_and_entry(two_days) -> None:
    second = two_days.files()[1]
    lines = second.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"outbound", b"inbound ")
    second.write_bytes(b"".join(lines))
    with pytest.raises(LogDamaged) as caught:
        await two_days.open()
    assert caught.value.private == f"{second}:3: entry 6: not the line that the checkpoint covers"
    two_days.unpublish()
    with pytest.raises(LogDamaged) as caught:
        await two_days.open()
    assert caught.value.private == f"{second}:4: entry 7: prev is not the hash of the line before"


@pytest.mark.parametrize("what", ["remove", "garble", "swap"])
async def test_a_file_before_the_newest_that_does_not_join_is_damage(two_days, what) -> None:
    first = two_days.files()[0]
    octets = first.read_bytes()
    if what == "remove":
        first.unlink()
    elif what == "garble":
        first.write_bytes(octets[:-1])
    else:
        lines = octets.splitlines(keepends=True)
        first.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LogDamaged):
        await two_days.open()


async def test_a_day_file_that_is_no_file_is_damage(workshop, tmp_path) -> None:
    await workshop.write()
    (path,) = workshop.files()
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LogDamaged) as caught:
        await workshop.open()
    assert "not a regular file" in caught.value.private
    path.unlink()
    Path(path).mkdir()
    with pytest.raises(LogDamaged):
        await workshop.open()


async def test_other_files_in_the_folder_do_not_matter(workshop) -> None:
    await workshop.write()
    (workshop.folder / "checkpoint.old").write_text("x")
    (workshop.folder / "2026-05-05.jsonl.gz").write_text("x")
    (workshop.folder / "tile" / "entries").mkdir()
    assert (await workshop.reopen(workshop.folder)).entries == 5
