"""The log and its folder: a second daemon, a disk that takes nothing, `chattr +a`, midnight under load."""

import asyncio
import contextlib
import errno
import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rorpost_gateway.audit.proofs import prove
from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.signing import SigningKey, generate
from rorpost_gateway.errors import LogUnavailable
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN, Clock, NoSync
from tests.peers.two_day_log import decision, open_again

_CAP_SYS_ADMIN = 21


@pytest.fixture
def key() -> SigningKey:
    return generate(ORIGIN)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def begin(folder: Path, key: SigningKey, clock: Clock, *, lines: int = 5) -> None:
    log = await open_again(folder, key, now=clock)
    await log.append([decision(number) for number in range(lines)])
    await log.close()


def octets_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def test_a_second_writer_is_refused_and_changes_nothing(
    tmp_path: Path, key: SigningKey, clock: Clock
) -> None:
    first = await open_again(tmp_path / "log", key, now=clock)
    await first.append([decision(1)])
    await first.publish_now()
    before = octets_of(tmp_path)
    with pytest.raises(LogUnavailable) as refused:
        await open_again(tmp_path / "log", key, now=clock)
    assert refused.value.public == "the decision log is in use"
    assert octets_of(tmp_path) == before
    assert await first.append([decision(2)]) == 2
    await first.close()
    verify_log(tmp_path / "log", vkey=key.vkey)


async def test_a_read_only_file_system_takes_no_daemon_and_every_auditor(
    tmp_path: Path, key: SigningKey, clock: Clock
) -> None:
    folder = tmp_path / "log"
    await begin(folder, key, clock)
    before = octets_of(folder)
    with read_only(folder):
        with pytest.raises(LogUnavailable) as refused:
            await open_again(folder, key, now=clock, disk=Disk())
        assert "Read-only file system" in refused.value.private
        assert verify_log(folder, vkey=key.vkey).entries == 6
        assert prove(folder, 3)
    assert octets_of(folder) == before
    await begin(folder, key, clock)
    assert verify_log(folder, vkey=key.vkey).entries == 11


class ReadOnly(NoSync):
    """A file system that has been mounted read-only in mid-flight, as after an error of its disk."""

    armed = False

    def write(self, fd: int, octets: bytes) -> None:
        self._see()
        super().write(fd, octets)

    def put(self, path: Path, octets: bytes) -> None:
        self._see()
        super().put(path, octets)

    def create(self, path: Path) -> int:
        self._see()
        return super().create(path)

    def _see(self) -> None:
        if self.armed:
            raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize("by", ["a line", "a checkpoint", "midnight"])
async def test_a_file_system_that_becomes_read_only_ends_the_log(
    tmp_path: Path, key: SigningKey, clock: Clock, by: str
) -> None:
    disk = ReadOnly()
    log = await open_again(tmp_path / "log", key, now=clock, disk=disk)
    await log.append([decision(1)])
    disk.armed = True
    clock.now += DAY_SECONDS * (by == "midnight")
    with pytest.raises(LogUnavailable):
        await (log.publish_now() if by == "a checkpoint" else log.append([decision(2)]))
    assert not log.available
    with pytest.raises(LogUnavailable):
        await log.append([decision(3)])
    await log.close()
    await begin(tmp_path / "log", key, clock)
    verify_log(tmp_path / "log", vkey=key.vkey)


async def test_append_only_files_take_lines_checkpoints_and_a_new_day(
    tmp_path: Path, key: SigningKey, clock: Clock
) -> None:
    folder = tmp_path / "log"
    await begin(folder, key, clock)
    with append_only(*folder.glob("*.jsonl"), folder / "checkpoints"):
        log = await open_again(folder, key, now=clock, disk=Disk())
        await log.append([decision(6)])
        await log.publish_now()
        clock.now += DAY_SECONDS
        await log.append([decision(7)])
        await log.close()
        assert verify_log(folder, vkey=key.vkey).files == 2
        with pytest.raises(PermissionError):
            (folder / "checkpoints").write_bytes(b"")


async def test_midnight_under_load(tmp_path: Path, key: SigningKey) -> None:
    """Sixteen at a time while days go by, forwards and once backwards; each number is given out once."""
    folder = tmp_path / "log"
    ticks = itertools.count()

    def clock() -> float:
        tick = next(ticks)
        return NOON + tick * DAY_SECONDS / 20 - (DAY_SECONDS if tick == 50 else 0)

    log = await open_again(folder, key, now=clock)  # type: ignore[arg-type]
    left, numbers = iter(range(400)), []

    async def one() -> None:
        for number in left:
            numbers.append(await log.append([decision(number)]))
            if number % 40 == 0:
                await log.publish_now()

    async with asyncio.timeout(30):
        await asyncio.gather(*(one() for _ in range(16)))
        await log.close()
    assert len(set(numbers)) == 400
    verified = verify_log(folder, vkey=key.vkey)
    days = sorted(path.name for path in folder.glob("*.jsonl"))
    assert verified.files == len(days) > 1
    lines = [json.loads(line) for day in days for line in (folder / day).read_bytes().splitlines()]
    assert [line["n"] for line in lines] == list(range(400 + len(days)))
    assert max(numbers) == len(lines) - 1
    assert sum(line["event"] == "day" for line in lines) == len(days) - 1


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder as on a file system that is mounted read-only; needs the right to mount."""
    if not _may_mount():
        pytest.skip("needs the right to mount (CAP_SYS_ADMIN)")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def _may_mount() -> bool:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (effective,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


@contextlib.contextmanager
def append_only(*paths: Path) -> Iterator[None]:
    """`chattr +a`, where file system and user allow it."""
    if subprocess.run(["chattr", "+a", *paths], capture_output=True, check=False).returncode:
        pytest.skip("chattr +a needs root and a file system that knows it")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-a", *paths], check=True)
