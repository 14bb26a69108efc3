"""An export is complete and right, or it is not there."""

import hashlib
import json
from pathlib import Path

import pytest

from rorpost_gateway.audit.export import plan, write
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.merkle import leaf_hash, root
from tests.peers.log_workshop import NoSync, Workshop


def exported(folder: Path, target: Path) -> list[str]:
    target.mkdir()
    write(plan(folder), target)
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def entries_of(target: Path) -> list[bytes]:
    """As another program reads the bundles."""
    found = []
    for path in sorted(target.glob("tile/entries/*")) + sorted(target.glob("tile/entries/*.p/*")):
        octets = path.read_bytes() if path.is_file() else b""
        while octets:
            length = int.from_bytes(octets[:2], "big")
            found.append(octets[2 : 2 + length])
            octets = octets[2 + length :]
    return found


def refused(folder: Path, target: Path) -> Broken:
    with pytest.raises(Broken) as raised:
        exported(folder, target)
    assert not [path for path in target.rglob("*") if path.is_file()]
    return raised.value


async def test_a_log_without_a_checkpoint_is_refused(two_days, tmp_path) -> None:
    (two_days.folder / "checkpoint").unlink()
    assert "no checkpoint" in refused(two_days.folder, tmp_path / "out").text


async def test_a_checkpoint_without_a_log_is_refused(two_days, tmp_path) -> None:
    for path in two_days.files():
        path.unlink()
    assert "no entry at all" in refused(two_days.folder, tmp_path / "out").text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"direction":"outbound"', b'"direction":"inbound"'),
        (b'{"n":6,', b'{"n":9,'),
        (b'"event":"day"', b'"event":"stop"'),
    ],
)
async def test_a_changed_line_is_refused_and_nothing_is_left(two_days, tmp_path, old, new) -> None:
    path = two_days.files()[1]
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    refused(two_days.folder, tmp_path / "out")


async def test_a_line_that_is_missing_is_named(two_days, tmp_path) -> None:
    path = two_days.files()[1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert "entry 7 does not follow" in refused(two_days.folder, tmp_path / "out").text


async def test_the_last_line_is_covered_by_the_root_alone(two_days, tmp_path) -> None:
    path = two_days.files()[1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1].replace(b'"ok"', b'"urgent"'))
    assert "root" in refused(two_days.folder, tmp_path / "out").text


async def test_a_small_log(two_days, tmp_path) -> None:
    names = exported(two_days.folder, tmp_path / "out")
    assert names == ["checkpoint", "tile/0/000.p/8", "tile/entries/000.p/8"]
    lines = two_days.lines()
    assert entries_of(tmp_path / "out") == lines
    tile = (tmp_path / "out/tile/0/000.p/8").read_bytes()
    assert tile == b"".join(hashlib.sha256(b"\x00" + line).digest() for line in lines)
    assert (tmp_path / "out/checkpoint").read_bytes() == (two_days.folder / "checkpoint").read_bytes()
    assert (tmp_path / "out/checkpoint").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("lines", [254, 255, 256, 512])
async def test_the_edges_of_tiles(workshop: Workshop, tmp_path, lines: int) -> None:
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision(queue_id=f"{n:08X}") for n in range(lines)])
    await log.close()
    size = lines + 1
    names = exported(workshop.folder, tmp_path / "out")
    written = workshop.lines()
    assert len(written) == size
    assert entries_of(tmp_path / "out") == written
    for name in names:
        if name.startswith("tile/0/"):
            assert (tmp_path / "out" / name).read_bytes() == (workshop.folder / name).read_bytes()
    assert ("tile/1/000.p/1" in names) is (256 <= size < 512)
    assert ("tile/1/000.p/2" in names) is (size >= 512)
    assert (f"tile/0/00{size // 256}.p/{size % 256}" in names) is bool(size % 256)
    if size >= 256:
        first = root([leaf_hash(line) for line in written[:256]])
        assert (tmp_path / f"out/tile/1/000.p/{size // 256}").read_bytes()[:32] == first


async def test_lines_after_the_checkpoint_and_torn_octets_are_left_out(workshop: Workshop, tmp_path) -> None:
    await workshop.write()
    with workshop.files()[0].open("ab") as file:
        file.write(workshop.lines()[-1].replace(b'"n":3', b'"n":4')[:-40] + b"}")
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    wanted = [line for line in workshop.lines() if json_or_none(line)]
    with workshop.files()[0].open("ab") as file:
        file.write(b'{"n":6,"prev":"' + b"0" * 64 + b'","time":"}\n')
    exported(workshop.folder, tmp_path / "out")
    assert entries_of(tmp_path / "out") == wanted


async def test_of_purged_entries_the_hashes_are_exported(workshop: Workshop, tmp_path) -> None:
    await workshop.write(days=3, lines=3)
    kept = workshop.lines()[8:]
    for path in workshop.files()[:2]:
        path.unlink()
    names = exported(workshop.folder, tmp_path / "out")
    assert names == ["checkpoint", "tile/0/000.p/12"]
    assert (tmp_path / "out/tile/0/000.p/12").read_bytes().endswith(leaf_hash(kept[-1]))
    (workshop.folder / "tile/0/000.p/12").unlink()
    for path in (workshop.folder / "tile").rglob("*"):
        if path.is_file():
            path.unlink()
    assert "tile" in refused(workshop.folder, tmp_path / "other").text


def json_or_none(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
