"""Who listens to the writer hears each durable line once, whoever else waits for it; and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.errors import LogUnavailable


class Listening:
    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []  # how many lines, up to which entry

    def __call__(self, records: Sequence[Record], last: int) -> None:
        self.heard.append((len(records), last))


class Broken(Disk):
    broken = False

    def sync(self, fd: int) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        super().sync(fd)


async def test_every_line_once_with_the_newest_number(workshop: Any) -> None:
    listening = Listening()
    log = await workshop.open(on_written=listening)
    appends = [log.append([workshop.decision()] * lines) for lines in (1, 3, 2)]
    numbers = await asyncio.gather(*appends)
    await log.close()
    assert sum(lines for lines, _ in listening.heard) == 6
    assert listening.heard[-1][1] == max(numbers)


async def test_a_caller_that_went_away(workshop: Any) -> None:
    listening = Listening()
    log = await workshop.open(on_written=listening)
    gone = asyncio.ensure_future(log.append([workshop.decision()]))
    await asyncio.sleep(0)
    gone.cancel()
    await log.append([workshop.decision()])
    await log.close()
    assert sum(lines for lines, _ in listening.heard) == 2


async def test_lines_that_are_not_durable_are_none(workshop: Any) -> None:
    listening, disk = Listening(), Broken()
    log = await workshop.open(on_written=listening, disk=disk)
    disk.broken = True
    with pytest.raises(LogUnavailable):
        await log.append([workshop.decision()])
    await log.close()
    assert listening.heard == []


async def test_a_listener_that_fails_keeps_no_line_from_its_caller(workshop: Any) -> None:
    def stumble(_records: Sequence[Record], _last: int) -> None:
        raise ZeroDivisionError

    log = await workshop.open(on_written=stumble)
    async with asyncio.timeout(10):
        together = await asyncio.gather(*(log.append([workshop.decision()]) for _ in range(3)))
        assert await log.append([workshop.decision()]) == max(together) + 1
    await log.close()


async def test_how_long_the_disk_keeps_lines_waiting(workshop: Any) -> None:
    log = await workshop.open()
    assert log.waits_for_disk_seconds == 0
    writing = asyncio.ensure_future(log.append([workshop.decision()]))
    async with asyncio.timeout(10):
        while not log.waits_for_disk_seconds and not writing.done():
            await asyncio.sleep(0)
    await writing
    assert log.waits_for_disk_seconds == 0
    await log.close()
