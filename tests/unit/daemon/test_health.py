"""What the checks find where log, queue and disk are not as they should be: real ones, made to fail."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rorpost_gateway.daemon.figures import Kept
from rorpost_gateway.daemon.health import Health, Phase, Progress, Standing
from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.queue.sqlite import open_sqlite_queue

NOW = 1_790_000_000.0


class MoodyDisk(Disk):
    """Fails, or keeps whoever syncs waiting, when told."""

    def __init__(self) -> None:
        self.fails = False
        self.free = threading.Event()
        self.free.set()

    def sync(self, fd: int) -> None:
        self.free.wait(30)
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)


@dataclass
class Patient:
    health: Health
    progress: Progress
    holder: Any
    log: LogWriter
    queue: Queue
    disk: MoodyDisk
    folder: Path

    async def standings(self) -> dict[str, Standing]:
        return {check.name: check.standing for check in await self.health.ready()}


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Patient]:
    disk = MoodyDisk()
    log = await open_log(
        tmp_path / "decisions", node="gw1", signing_key=generate("o"), now=lambda: NOW, disk=disk
    )
    queue = await open_sqlite_queue(tmp_path / "queue.db", reserve_octets=0)
    in_force = SimpleNamespace(policy=SimpleNamespace(revision="ab12"))
    holder = SimpleNamespace(current=in_force, refused_at=None)
    progress = Progress(phase=Phase.SERVING)
    health = Health(
        progress=progress,
        decision_log=log,
        queue=queue,
        holder=cast("Holder", holder),
        log_folder=tmp_path / "decisions",
        message_octets=1000,
        places=lambda: [("127.0.0.1", 587)],
        patience_seconds=0.0,
    )
    yield Patient(health, progress, holder, log, queue, disk, tmp_path)
    disk.free.set()
    await queue.close()
    await log.close()


async def test_all_is_well(patient: Patient) -> None:
    assert set((await patient.standings()).values()) == {Standing.OK}
    assert patient.health.well
    assert patient.health.status() == "Listening on 127.0.0.1:587; revision ab12 is in force"


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.STOPPING])
async def test_no_mail_is_taken_yet_or_any_more(patient: Patient, phase: Phase) -> None:
    patient.progress.phase = phase
    found = await patient.standings()
    assert [name for name, standing in found.items() if standing is Standing.FAILED] == ["listeners"]
    assert patient.health.well


async def test_a_log_that_takes_no_lines(patient: Patient) -> None:
    patient.disk.fails = True
    with pytest.raises(LogUnavailable):
        await patient.log.append([record.heartbeat()])
    assert not patient.health.well
    assert (await patient.standings())["decision-log"] is Standing.FAILED
    assert patient.health.alive()[0].text == "takes no lines"


async def test_a_disk_that_does_not_answer(patient: Patient) -> None:
    patient.disk.free.clear()
    writing = asyncio.ensure_future(patient.log.append([record.heartbeat()]))
    async with asyncio.timeout(10):
        while patient.health.well:
            await asyncio.sleep(0)
    assert patient.health.alive()[0].text.startswith("its disk has not answered for")
    patient.disk.free.set()
    await writing
    assert patient.health.well


async def test_a_part_that_failed(patient: Patient) -> None:
    patient.progress.sound = False
    assert not patient.health.well
    assert (await patient.standings())["parts"] is Standing.FAILED


async def test_a_queue_without_room(patient: Patient) -> None:
    await patient.queue.close()
    patient.health._queue = await open_sqlite_queue(patient.folder / "queue.db", reserve_octets=1 << 60)
    try:
        assert (await patient.standings())["queue"] is Standing.FAILED
        assert patient.health.well  # an end of the process would help nobody
    finally:
        await patient.health._queue.close()


async def test_a_queue_that_is_closed(patient: Patient) -> None:
    await patient.queue.close()
    assert (await patient.standings())["queue"] is Standing.FAILED


@pytest.mark.parametrize("octets", [0, None])
async def test_a_disk_that_fills_is_a_warning(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, octets: int | None
) -> None:
    monkeypatch.setattr("rorpost_gateway.daemon.health.free_octets", lambda _: octets)
    assert (await patient.standings())["log-disk"] is Standing.WARNING


async def test_what_was_refused_at_a_reload_is_a_warning(patient: Patient) -> None:
    patient.holder.refused_at = NOW
    patient.progress.certificate_refused = True
    found = await patient.standings()
    warned = {name for name, standing in found.items() if standing is Standing.WARNING}
    assert warned == {"policy", "certificate"}
    assert "refused at 2026-09-21T14:13:20Z; revision ab12" in patient.health.status()


async def test_what_is_kept_is_made_once_for_all_who_ask_and_anew_in_time() -> None:
    made, gate, now = [], asyncio.Event(), [0.0]

    async def make() -> int:
        await gate.wait()
        made.append(len(made))
        return made[-1]

    kept = Kept(make, seconds=1.0, clock=lambda: now[0])
    asking = [asyncio.ensure_future(kept.get()) for _ in range(5)]
    gate.set()
    assert await asyncio.gather(*asking) == [0] * 5
    now[0] = 0.99
    assert await kept.get() == 0
    now[0] = 1.0
    assert await kept.get() == 1
    kept.forget()
    assert await kept.get() == 2
