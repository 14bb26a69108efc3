"""The verifier: what it says of sound logs, of damage, and of folders made to hurt it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rorpost_gateway.audit.verify import Broken, verify_log

FIRST, SECOND = "2026-05-06.jsonl", "2026-05-07.jsonl"


async def test_a_sound_log_of_two_days(two_days) -> None:
    verified = verify_log(two_days.folder, vkey=two_days.vkey)
    assert (verified.files, verified.entries, verified.torn) == (2, 8, 0)
    assert (verified.first_time, verified.last_time) == (
        "2026-05-06T12:00:00.000Z",
        "2026-05-07T12:00:00.000Z",
    )
    assert verified.vkey_checked
    assert not verify_log(two_days.folder).vkey_checked


async def test_progress_is_told_in_octets(two_days) -> None:
    seen: list[tuple[int, int]] = []
    verify_log(two_days.folder, progress=lambda *octets: seen.append(octets))
    first, second = (path.stat().st_size for path in two_days.files())
    assert seen == [(first, first + second), (first + second, first + second)]


async def test_the_wrong_verifier_key_is_found(workshop) -> None:
    await workshop.write()
    with pytest.raises(Broken) as caught:
        verify_log(workshop.folder, vkey="motala.se/rorpost/gw1+00000000+AAAA")
    assert (caught.value.check, caught.value.line, caught.value.entry) == ("vkey", 1, 0)


def change(name: str, number: int, old: bytes, new: bytes):
    """Replace in one line (from 1) of one file."""

    def apply(folder: Path) -> None:
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
        (folder / name).write_bytes(b"".join(lines))

    return apply


def move(name: str, *numbers: int):
    """The file's lines in another order, or fewer, or more."""

    def apply(folder: Path) -> None:
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[number - 1] for number in numbers))

    return apply


@pytest.mark.parametrize(
    ("damage", "file", "line", "entry", "check"),
    [
        (change(FIRST, 2, b'"ok"', b'"ko"'), FIRST, 3, 2, "chain"),
        (change(FIRST, 2, b"{", b"{ "), FIRST, 3, 2, "chain"),
        (change(FIRST, 4, b'"ok"', b'"ko"'), SECOND, 1, 4, "chain"),
        (change(FIRST, 2, b'"n":1', b'"n":7'), FIRST, 2, 1, "number"),
        (change(FIRST, 2, b'"prev":"', b'"prev":"0'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"ok"', b'"ok'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"ok"', b'"\xe5k"'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok"', b'"reason":"ok","reason":"ok"'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok"', b'"size":1.5'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok"', b'"size":NaN'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok"', b'"size":-1'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok"', b'"odd":{"a":{}}'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"reason":"ok",', b""), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"decision"', b'"guess"'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b".000Z", b"Z"), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b"-05-06T", b"-13-06T"), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"node":"gw1"', b'"node":null'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b'"outbound"', b'"sideways"'), FIRST, 2, 1, "line"),
        (change(FIRST, 2, b"\n", b"\n\n"), FIRST, 3, 2, "line"),
        (change(FIRST, 2, b"\n", b"\r\n"), FIRST, 3, 2, "chain"),
        (change(FIRST, 4, b"\n", b""), FIRST, 4, 4, "line"),
        (move(FIRST, 1, 2, 4), FIRST, 3, 2, "number"),
        (move(FIRST, 1, 3, 2, 4), FIRST, 2, 1, "number"),
        (move(FIRST, 1, 2, 2, 3, 4), FIRST, 3, 2, "number"),
        (move(FIRST, 2, 3, 4), FIRST, 1, 0, "number"),
        (move(FIRST, 1, 2, 3), SECOND, 1, 3, "number"),
        (move(FIRST), FIRST, 0, 0, "opening"),
        (move(SECOND, 2, 3), SECOND, 1, 4, "number"),
        (lambda folder: (folder / FIRST).unlink(), SECOND, 1, 4, "purged"),
        (lambda f: (f / FIRST).rename(f / "2026-05-08.jsonl"), "2026-05-08.jsonl", 1, 8, "number"),
        (lambda folder: (folder / FIRST).rename(folder / "2026-05-05.jsonl"), SECOND, 1, 4, "day"),
        (lambda folder: (folder / "2026-02-30.jsonl").write_text(""), "2026-02-30.jsonl", 0, 0, "file"),
        (lambda folder: (folder / "copy.jsonl").write_text(""), "copy.jsonl", 0, 0, "file"),
        (lambda folder: (folder / "2026-05-05.jsonl").mkdir(), "2026-05-05.jsonl", 0, 0, "file"),
        (lambda folder: os.mkfifo(folder / "2026-05-05.jsonl"), "2026-05-05.jsonl", 0, 0, "file"),
        (lambda f: (f / "2026-05-05.jsonl").symlink_to(f / FIRST), "2026-05-05.jsonl", 0, 0, "file"),
        (lambda folder: (folder / "\udcff\n.jsonl").write_text(""), "\\udcff\\n.jsonl", 0, 0, "file"),
    ],
)
async def test_damage_is_named_by_file_line_entry_and_check(
    two_days, damage, file, line, entry, check
) -> None:
    damage(two_days.folder)
    with pytest.raises(Broken) as caught:
        two_days.verify()
    broken = caught.value
    assert (broken.file, broken.line, broken.entry, broken.check) == (file, line, entry, check)
    assert str(broken).isascii()


async def rechain(folder: Path, edit) -> None:
    """A forger with time: edit entries, then compute every hash anew."""
    import hashlib

    prev = "0" * 64
    for path in sorted(folder.glob("*.jsonl")):
        lines = []
        for line in path.read_bytes().splitlines():
            entry = json.loads(line)
            entry["prev"] = prev
            edit(entry)
            octets = json.dumps(entry, separators=(",", ":")).encode()
            prev = hashlib.sha256(b"\x00" + octets).hexdigest()
            lines.append(octets + b"\n")
        path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("name", "value"), [("file", "2026-05-05.jsonl"), ("first", 1), ("last", 2), ("sha256", "0" * 64)]
)
async def test_a_day_entry_that_tells_of_another_file_is_found_in_a_chain_that_holds(
    two_days, name, value
) -> None:
    def edit(entry) -> None:
        if entry["event"] == "day":
            entry[name] = value

    await rechain(two_days.folder, edit)
    with pytest.raises(Broken) as caught:
        two_days.verify()
    assert (caught.value.check, caught.value.file, caught.value.line) == ("day", SECOND, 1)


@pytest.mark.parametrize(("event", "number"), [("day", 2), ("genesis", 2), ("genesis", 5), ("torn", 2)])
async def test_an_entry_out_of_its_place_is_found_in_a_chain_that_holds(two_days, event, number) -> None:
    def edit(entry) -> None:
        if entry["n"] == number:
            entry |= {"event": event, "vkey": "a+0+b", "origin": "a", "version": "1"}
            entry |= {"file": FIRST, "first": 0, "last": 1, "sha256": "0" * 64, "offset": 0, "length": 1}

    await rechain(two_days.folder, edit)
    with pytest.raises(Broken) as caught:
        two_days.verify()
    assert caught.value.entry == number
    assert caught.value.check == ("torn" if event == "torn" else "opening")


@pytest.fixture
async def torn(workshop) -> Path:
    """A log whose third line is torn bytes and whose fourth tells of them."""
    await workshop.write(lines=2, killed=True)
    (path,) = workshop.files()
    workshop.lay(path, path.read_bytes()[:-9])
    assert (await workshop.reopen(workshop.folder)).torn == 1
    return path


@pytest.mark.parametrize(
    ("damage", "line", "check"),
    [
        (lambda lines: [*lines[:2], lines[2][:-2] + b"x\n", *lines[3:]], 4, "torn"),
        (lambda lines: [*lines[:2], lines[2][1:], *lines[3:]], 4, "torn"),
        (lambda lines: [*lines[:2], *lines[3:]], 3, "torn"),
        (lambda lines: [*lines[:2], lines[2], lines[2], *lines[3:]], 5, "torn"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2, "line"),
        (lambda lines: [*lines[:3], *lines[4:]], 3, "line"),
        (lambda lines: lines[:3], 3, "line"),
    ],
)
async def test_torn_bytes_stand_exactly_where_their_entry_says(workshop, torn, damage, line, check) -> None:
    torn.write_bytes(b"".join(damage(torn.read_bytes().splitlines(keepends=True))))
    with pytest.raises(Broken) as caught:
        workshop.verify()
    assert (caught.value.line, caught.value.check) == (line, check)


@pytest.mark.parametrize("name", ["file", "offset", "length", "sha256"])
async def test_a_torn_entry_that_tells_of_other_bytes_is_found(workshop, torn, name) -> None:
    lines = torn.read_bytes().splitlines(keepends=True)
    entry = json.loads(lines[3])
    entry[name] = entry[name] + 1 if isinstance(entry[name], int) else "f" * 64
    torn.write_bytes(b"".join(lines[:3]) + json.dumps(entry, separators=(",", ":")).encode() + b"\n")
    with pytest.raises(Broken) as caught:
        workshop.verify()
    assert (caught.value.line, caught.value.check) == (4, "torn")


async def test_a_last_line_without_its_newline_is_an_entry_if_it_is_whole(workshop) -> None:
    await workshop.write(killed=True)
    (path,) = workshop.files()
    octets = path.read_bytes()
    path.write_bytes(octets[:-1])
    verified = workshop.verify()
    assert (verified.entries, verified.unfinished_octets, verified.torn) == (4, 0, 0)
    path.write_bytes(octets[:-2])
    verified = workshop.verify()
    assert (verified.entries, verified.torn) == (3, 0)
    assert verified.unfinished_octets == len(octets.splitlines()[-1]) - 1


async def test_a_last_line_without_its_newline_that_is_whole_but_wrong_is_broken(workshop) -> None:
    await workshop.write(killed=True)
    (path,) = workshop.files()
    octets = path.read_bytes()
    path.write_bytes(octets[:-1].replace(b'"n":3', b'"n":4'))
    with pytest.raises(Broken):
        workshop.verify()
    path.write_bytes(octets[:-1] + b"x")
    with pytest.raises(Broken):
        workshop.verify()


async def test_the_newest_file_may_be_empty_and_no_other(two_days) -> None:
    (two_days.folder / "2026-05-08.jsonl").write_bytes(b"")
    assert two_days.verify().entries == 8
    (two_days.folder / "2026-05-09.jsonl").write_bytes(b"")
    with pytest.raises(Broken) as caught:
        two_days.verify()
    assert (caught.value.file, caught.value.check) == ("2026-05-08.jsonl", "opening")


async def test_a_folder_without_a_log_is_broken_not_empty(tmp_path) -> None:
    with pytest.raises(Broken, match="no entry at all"):
        verify_log(tmp_path)
    (tmp_path / FIRST).write_bytes(b"")
    with pytest.raises(Broken, match="no entry at all"):
        verify_log(tmp_path)
    with pytest.raises(Broken, match="cannot be read"):
        verify_log(tmp_path / "missing")


@pytest.mark.parametrize(
    "octets",
    [
        b"[" * 16_000 + b"\n",
        b'{"n":' * 3_000 + b"\n",
        b'{"a":[' * 2_000 + b"]}" * 2_000 + b"\n",
        b'{"n":' + b"9" * 10_000 + b"}\n",
        b"\x00" * 100_000 + b"\n",
        b"\xef\xbb\xbf{}\n",
        b"\xff\xfe\n",
        b"\n" * 1000,
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'"x"\n',
        b'{"n":true,"prev":"'
        + b"0" * 64
        + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"stop"}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":[]}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"torn",'
        b'"file":"2026-05-06.jsonl","offset":0,"length":99999999999999999999999,"sha256":"'
        + b"0" * 64
        + b'"}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"torn",'
        b'"file":[],"offset":"","length":{},"sha256":1}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"day",'
        b'"file":"","first":0,"last":0,"sha256":"' + b"0" * 64 + b'"}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"genesis",'
        b'"vkey":{"a":1},"origin":[],"version":1}\n',
        b'{"n":0,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"a","event":"decision",'
        b'"decision_id":[],"direction":{},"action":[],"reason":1}\n',
    ],
)
async def test_hostile_bytes_are_broken_and_never_a_crash(two_days, octets) -> None:
    for name in (FIRST, SECOND, "2026-05-08.jsonl"):
        path = two_days.folder / name
        before = path.read_bytes() if path.exists() else None
        for hostile in (octets, (before or b"") + octets, octets + (before or b"")):
            path.write_bytes(hostile)
            with pytest.raises(Broken):
                two_days.verify()
        path.unlink() if before is None else path.write_bytes(before)


async def test_a_file_that_may_not_be_read_is_broken(two_days) -> None:
    """As somebody who is not root."""
    two_days.folder.parent.chmod(0o755)
    (two_days.folder / FIRST).chmod(0o000)
    if os.geteuid() != 0:
        with pytest.raises(Broken, match="cannot be read"):
            two_days.verify()


MEASURE = """
    import resource, sys
    from pathlib import Path
    from rorpost_gateway.audit.verify import Broken, verify_log
    verify_log(Path(sys.argv[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        print(verify_log(Path(sys.argv[2])).entries)
    except Broken as broken:
        print(broken.check)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("what", ["lines", "one line", "empty lines"])
async def test_memory_does_not_depend_on_the_length(workshop, tmp_path, no_sync, what) -> None:
    await workshop.write(folder=tmp_path / "short")
    long = tmp_path / "long"
    if what == "lines":
        log = await workshop.open(folder=long, disk=no_sync)
        for _ in range(20):
            await log.append([workshop.decision(queue_id="Q" * 900)] * 1000)
        await log.close()
    else:
        long.mkdir()
        with (long / FIRST).open("wb") as file:
            for _ in range(20):
                file.write((b"x" if what == "one line" else b"\n") * (1 << 20))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEASURE), tmp_path / "short", long],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer, grown_kib = done.stdout.split()
    assert answer == ("20001" if what == "lines" else "line" if what == "empty lines" else "file")
    assert int(grown_kib) < 2048
