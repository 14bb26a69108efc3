"""A disk that fails: never retried, nothing answered, the log stands still, a restart mends it."""

import asyncio
import errno
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.errors import LogUnavailable


class Failing(Disk):
    """Each call fails once `armed` names it; counts what is tried afterwards."""

    def __init__(self) -> None:
        self.armed = ""
        self.tried = 0

    def _perhaps(self, name: str) -> None:
        if self.armed:
            self.tried += 1
        if self.armed == name:
            raise OSError(errno.EIO, "Input/output error")

    def create(self, path: Path) -> int:
        self._perhaps("create")
        return super().create(path)

    def write(self, fd: int, octets: bytes) -> None:
        self._perhaps("write")
        super().write(fd, octets)

    def sync(self, fd: int) -> None:
        self._perhaps("sync")
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self._perhaps("sync_folder")
        super().sync_folder(folder)


@pytest.mark.parametrize(("fault", "tries"), [("create", 1), ("sync_folder", 2), ("write", 3), ("sync", 4)])
async def test_a_fault_is_never_retried_and_ends_the_log(workshop, fault, tries) -> None:
    disk, failures = Failing(), []
    log = await workshop.open(disk=disk, on_failure=failures.append)
    assert await log.append([workshop.decision()]) == 1
    workshop.clock.now += 86_400  # so that a file is created too
    disk.armed = fault
    appends = [asyncio.create_task(log.append([workshop.decision()])) for _ in range(5)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert all(isinstance(result, LogUnavailable) for result in results)
    assert not log.available
    disk_tries = disk.tried
    disk.armed = ""
    with pytest.raises(LogUnavailable):
        await log.append([workshop.decision()])
    workshop.clock.now += 60
    with pytest.raises(LogUnavailable):
        await log.heartbeat()
    await log.close()
    assert (disk_tries, len(failures)) == (tries, 1)
    verified = await workshop.reopen(workshop.folder)
    assert verified.torn == 0


async def test_those_who_wait_for_the_next_group_hear_of_the_fault_too(workshop) -> None:
    disk = Failing()
    log = await workshop.open(disk=disk)
    disk.armed = "sync"
    first = asyncio.create_task(log.append([workshop.decision()]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(log.append([workshop.decision()]))
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(result) for result in results] == [LogUnavailable, LogUnavailable]
    await log.close()


async def test_a_fault_that_nobody_foresaw_ends_the_log_too(workshop) -> None:
    class Odd(Disk):
        odd = False

        def write(self, fd: int, octets: bytes) -> None:
            if self.odd:
                raise RuntimeError("odd")
            super().write(fd, octets)

    disk = Odd()
    log = await workshop.open(disk=disk)
    disk.odd = True
    async with asyncio.timeout(5):
        with pytest.raises(LogUnavailable):
            await log.append([workshop.decision()])
    assert not log.available
    await log.close()


async def test_the_public_text_of_a_fault_says_nothing_of_the_inside(workshop) -> None:
    disk = Failing()
    log = await workshop.open(disk=disk)
    disk.armed = "write"
    with pytest.raises(LogUnavailable) as caught:
        await log.append([workshop.decision()])
    assert caught.value.public == "the decision log takes no lines"
    assert "Input/output error" in caught.value.private
    await log.close()


@pytest.mark.parametrize("change", ["remove", "cut", "add"])
async def test_a_file_that_somebody_else_changes_meanwhile_ends_the_log(workshop, change) -> None:
    log = await workshop.open()
    await log.append([workshop.decision()])
    (path,) = workshop.files()
    octets = path.read_bytes()
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(octets[:-10] if change == "cut" else octets + b"x")
    with pytest.raises(LogUnavailable):
        await log.append([workshop.decision()])
    await log.close()


FULL = """
    import asyncio, resource, sys
    from pathlib import Path
    from rorpost_gateway.decision_log.record import heartbeat
    from rorpost_gateway.decision_log.signing import read
    from rorpost_gateway.decision_log.writer import open_log
    from rorpost_gateway.errors import LogUnavailable

    async def main():
        log = await open_log(
            Path(sys.argv[1]),
            node="gw1",
            signing_key=read(Path(sys.argv[2])),
            now=lambda: 1778068800.0,
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        durable = 0
        try:
            while True:
                durable = await log.append([heartbeat()])
        except LogUnavailable:
            print(durable, log.available)
        await log.close()

    asyncio.run(main())
"""


async def test_a_real_short_write_is_a_fault_and_what_it_left_is_torn(workshop) -> None:
    """The file may not grow beyond 4,000 octets: the kernel itself writes less than it was given."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), workshop.folder, workshop.key_file()],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    durable, available = done.stdout.split()
    assert available == "False"
    (path,) = workshop.files()
    assert path.stat().st_size == 4000
    assert workshop.verify().entries == int(durable) + 1
    assert workshop.verify().unfinished_octets > 0
    verified = await workshop.reopen(workshop.folder)
    assert (verified.entries, verified.torn) == (int(durable) + 3, 1)


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_writer_whose_work_is_cancelled_takes_nothing_more_and_closes(workshop, steps) -> None:
    log = await workshop.open()
    appends = [asyncio.create_task(log.append([workshop.decision()])) for _ in range(3)]
    for _ in range(steps):
        await asyncio.sleep(0)
    assert log._flushing is not None
    log._flushing.cancel()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*appends, return_exceptions=True)
        await log.close()
    assert all(isinstance(result, LogUnavailable) for result in results)
    assert not log.available
    await workshop.reopen(workshop.folder)
