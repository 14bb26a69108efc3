"""The writer: order, days, the clock, two writers, modes."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.decision_log.writer import open_log
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged, LogUnavailable
from tests.peers.log_workshop import KEY, ORIGIN


async def test_a_second_writer_is_refused_until_the_first_is_gone(workshop) -> None:
    first = await workshop.open()
    with pytest.raises(LogUnavailable) as caught:
        await workshop.open()
    assert "another process" in caught.value.private
    await first.append([workshop.decision()])
    await first.close()
    second = await workshop.open()
    assert await second.append([workshop.decision()]) == 2
    await second.close()
    assert workshop.verify().entries == 3


async def test_a_log_begins_with_its_key_and_origin(workshop) -> None:
    log = await workshop.open()
    await log.close()
    (line,) = workshop.lines()
    entry = json.loads(line)
    assert (entry["n"], entry["prev"], entry["event"]) == (0, "0" * 64, "genesis")
    assert (entry["vkey"], entry["origin"]) == (workshop.vkey, "motala.se/rorpost/gw1")
    assert entry["time"] == "2026-05-06T12:00:00.000Z"
    assert [path.name for path in workshop.files()] == ["2026-05-06.jsonl"]


async def test_each_caller_hears_the_number_of_its_own_last_line(workshop) -> None:
    log = await workshop.open()
    counts = [1, 3, 2, 1]
    numbers = await asyncio.gather(*(log.append([workshop.decision()] * count) for count in counts))
    await log.close()
    assert numbers == [1, 4, 6, 7]
    assert [json.loads(line)["n"] for line in workshop.lines()] == list(range(8))


async def test_what_waits_goes_out_in_one_write_and_one_sync(workshop) -> None:
    calls: list[str] = []

    class Counting(Disk):
        def write(self, fd: int, octets: bytes) -> None:
            calls.append(f"write {len(octets.splitlines())}")
            super().write(fd, octets)

        def sync(self, fd: int) -> None:
            calls.append("sync")
            super().sync(fd)

    log = await workshop.open(disk=Counting())
    calls.clear()
    await asyncio.gather(*(log.append([workshop.decision()]) for _ in range(64)))
    before_closing = list(calls)
    await log.close()
    assert before_closing == ["write 64", "sync"]


async def test_an_append_returns_only_after_its_sync(workshop) -> None:
    synced = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Telling(Disk):
        def sync(self, fd: int) -> None:
            super().sync(fd)
            loop.call_soon_threadsafe(synced.set)

    log = await workshop.open(disk=Telling())
    synced.clear()
    await log.append([workshop.decision()])
    assert synced.is_set()
    await log.close()


async def test_a_cancelled_caller_disturbs_nobody(workshop) -> None:
    log = await workshop.open()
    gone = asyncio.create_task(log.append([workshop.decision()]))
    stays = asyncio.create_task(log.append([workshop.decision()]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 2
    await log.close()
    assert workshop.verify().entries == 3


async def test_a_record_that_cannot_be_a_line_harms_only_its_caller(workshop) -> None:
    log = await workshop.open()
    with pytest.raises(ValueError, match="not a field name"):
        await log.append([Record(event=Event.DECISION, fields={"n": 7})])
    with pytest.raises(ValueError, match="nothing to append"):
        await log.append([])
    assert await log.append([workshop.decision()]) == 1
    await log.close()


async def test_a_closed_log_takes_nothing(workshop) -> None:
    log = await workshop.open()
    last = asyncio.create_task(log.append([workshop.decision()]))
    await asyncio.sleep(0)
    await log.close()
    assert await last == 1
    await log.close()
    assert not log.available
    with pytest.raises(LogUnavailable):
        await log.append([workshop.decision()])


async def test_midnight_opens_a_new_file_that_tells_of_the_last(workshop) -> None:
    await workshop.write(days=3, lines=2)
    first, second, third = workshop.files()
    assert [path.name for path in (second, third)] == ["2026-05-07.jsonl", "2026-05-08.jsonl"]
    day = json.loads(second.read_bytes().splitlines()[0])
    assert (day["event"], day["file"], day["first"], day["last"]) == ("day", first.name, 0, 2)
    assert day["sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    day = json.loads(third.read_bytes().splitlines()[0])
    assert (day["n"], day["file"], day["first"], day["last"]) == (6, second.name, 3, 5)
    assert workshop.verify().files == 3


async def test_midnight_under_load_loses_nothing(workshop, no_sync) -> None:
    log = await workshop.open(disk=no_sync)
    workshop.clock.now = midnight = 1_778_112_000.0 - 0.05

    async def send(count: int) -> None:
        for _ in range(count):
            workshop.clock.now += 0.0005
            await log.append([workshop.decision()])

    await asyncio.gather(*(send(10) for _ in range(20)))
    await log.close()
    assert workshop.clock.now > midnight
    assert [path.name for path in workshop.files()] == ["2026-05-06.jsonl", "2026-05-07.jsonl"]
    assert workshop.verify().entries == 1 + 200 + 1


async def test_a_clock_that_jumps_back_never_leads_to_an_older_file(workshop) -> None:
    await workshop.write(days=2, lines=1)
    workshop.clock.now -= 5 * 86_400
    log = await workshop.open()
    await log.append([workshop.decision()])
    await log.close()
    assert [path.name for path in workshop.files()] == ["2026-05-06.jsonl", "2026-05-07.jsonl"]
    assert json.loads(workshop.lines()[-1])["time"].startswith("2026-05-02T")
    assert workshop.verify().entries == 5


async def test_a_heartbeat_is_due_after_a_minute_without_a_line(workshop) -> None:
    log = await workshop.open()
    workshop.clock.now += 59.9
    assert not await log.heartbeat()
    await log.append([workshop.decision()])
    workshop.clock.now += 59.9
    assert not await log.heartbeat()
    workshop.clock.now += 0.2
    assert await log.heartbeat()
    assert not await log.heartbeat()
    workshop.clock.now -= 3600  # a clock that jumped back must not silence the log for an hour
    assert await log.heartbeat()
    assert not await log.heartbeat()
    await log.close()
    assert [json.loads(line)["event"] for line in workshop.lines()] == [
        *("genesis", "decision", "heartbeat", "heartbeat")
    ]


async def test_modes_are_what_auditors_need_whatever_the_umask(workshop) -> None:
    old = os.umask(0o077)
    try:
        await workshop.write()
    finally:
        os.umask(old)
    assert workshop.folder.stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in workshop.files()} == {0o640}


async def test_files_are_opened_for_appending_only(workshop) -> None:
    flags: list[int] = []

    class Looking(Disk):
        def write(self, fd: int, octets: bytes) -> None:
            if Path(f"/proc/self/fd/{fd}").readlink().suffix != ".new":  # what replaces another file
                info = Path(f"/proc/self/fdinfo/{fd}").read_text()
                flags.append(int(info.split("flags:")[1].split()[0], 8))
            super().write(fd, octets)

    for _ in range(2):
        log = await workshop.open(disk=Looking())
        await log.append([workshop.decision()])
        await log.close()
    assert len(flags) == 3 + 3  # lines, and checkpoints wherever something was new
    assert all(flag & os.O_APPEND and flag & os.O_ACCMODE == os.O_WRONLY for flag in flags)


@pytest.fixture
def append_only(workshop) -> Iterator[Path]:
    workshop.folder.mkdir()
    path = workshop.folder / "2026-05-06.jsonl"
    yield path
    subprocess.run(["chattr", "-a", path], check=False, capture_output=True)


@pytest.mark.root
async def test_a_file_that_the_file_system_keeps_append_only_is_written_and_mended(
    workshop, append_only
) -> None:
    await workshop.write()
    with append_only.open("ab") as file:
        file.write(b'{"n":4,"prev":"')
    if (
        shutil.which("chattr") is None
        or subprocess.run(["chattr", "+a", append_only], check=False).returncode
    ):
        pytest.skip("the file system has no append-only files")
    with pytest.raises(PermissionError):
        append_only.open("wb")
    verified = await workshop.reopen(workshop.folder)
    assert (verified.entries, verified.torn) == (6, 1)
    workshop.clock.now += 86_400
    assert (await workshop.reopen(workshop.folder)).files == 2


async def test_another_verifier_key_than_the_log_began_with_is_refused(workshop) -> None:
    await workshop.write()
    with pytest.raises(LogDamaged) as caught:
        await workshop.open(signing_key=generate(ORIGIN))
    assert "another key than the signing key" in caught.value.private
    await workshop.reopen(workshop.folder)  # and the lock was given up


async def test_a_node_name_that_cannot_stand_in_a_line_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigurationInvalid):
        await open_log(tmp_path / "log", node='gw"1', signing_key=KEY, now=lambda: 0.0)
    assert not (tmp_path / "log").exists()


async def test_a_folder_whose_parent_is_missing_is_unavailable(tmp_path, workshop) -> None:
    with pytest.raises(LogUnavailable) as caught:
        await workshop.open(folder=tmp_path / "missing" / "log")
    assert str(tmp_path) not in caught.value.public


async def test_records_keep_their_order_next_to_each_other(workshop) -> None:
    log = await workshop.open()

    async def send(name: str) -> None:
        await log.append([record.start(version=f"{name}{number}") for number in range(5)])

    await asyncio.gather(*(send(name) for name in "abc"))
    await log.close()
    versions = [json.loads(line).get("version") for line in workshop.lines()[1:]]
    assert versions == [f"{name}{number}" for name in "abc" for number in range(5)]
