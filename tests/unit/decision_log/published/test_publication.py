"""Publishing while lines come: when, in which order, and what a disk that fails does to the log."""

import asyncio
import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.published.note import Checkpoint, signed_by, whole_notes
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from rorpost_gateway.errors import LogUnavailable
from tests.peers.log_workshop import KEY, ORIGIN, NoSync, Workshop
from tests.unit.decision_log.published.test_note import WITNESS_LINE


class Steps(NoSync):
    """Notes what is done to which file; fails or waits at the one that is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.fail_at: str | None = None

    def _step(self, name: str) -> None:
        if self.fail_at is not None and self.fail_at in name:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.done.append(name)

    def _named(self, fd: int) -> str:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        return str(path.relative_to(self.folder.parent))

    def write(self, fd: int, octets: bytes) -> None:
        self._step(f"write {self._named(fd)}")
        super().write(fd, octets)

    def sync(self, fd: int) -> None:
        self._step(f"sync {self._named(fd)}")

    def put(self, path: Path, octets: bytes) -> None:
        super().put(path, octets)
        self._step(f"put {path.relative_to(self.folder.parent)}")

    def sync_folder(self, folder: Path) -> None:
        self._step(f"sync {folder.relative_to(self.folder.parent) or '.'}")


@pytest.fixture
def steps(workshop: Workshop) -> Steps:
    workshop.witness_file = workshop.folder.parent / "last"
    return Steps(workshop.folder)


def published(folder: Path) -> list[Checkpoint]:
    return [checkpoint for _, checkpoint in whole_notes((folder / "checkpoints").read_bytes(), ORIGIN)]


def sizes(folder: Path) -> list[int]:
    return [checkpoint.size for checkpoint in published(folder)]


async def test_a_new_log_has_a_checkpoint_from_its_first_entry_on(workshop: Workshop, no_sync: Disk) -> None:
    log = await workshop.open(disk=no_sync)
    assert log.published is not None
    assert (log.published.size, sizes(workshop.folder)) == (1, [1])
    await log.close()
    assert sizes(workshop.folder) == [1]  # nothing was added


async def test_lines_are_covered_a_moment_after_they_came_and_once_more_at_the_end(
    workshop: Workshop, no_sync: Disk
) -> None:
    heard: asyncio.Queue[Checkpoint] = asyncio.Queue()
    log = await open_log(
        workshop.folder,
        node="gw1",
        signing_key=KEY,
        now=workshop.clock,
        disk=no_sync,
        publish_after_seconds=0.0,
        on_published=heard.put_nowait,
    )
    for size in (2, 3):
        await log.append([workshop.decision()])
        async with asyncio.timeout(5):
            checkpoint = await heard.get()
        assert checkpoint == log.published
        assert checkpoint.size == size
        assert (workshop.folder / "checkpoint").read_bytes() == checkpoint.note
    await log.append([workshop.decision()])
    await log.close()
    assert sizes(workshop.folder) == [1, 2, 3, 4]


async def test_nothing_is_due_before_its_time_and_nothing_at_all_without_lines(
    workshop: Workshop, no_sync: Disk
) -> None:
    log = await workshop.open(disk=no_sync)
    loop = asyncio.get_running_loop()
    await log.append([workshop.decision()])
    timer = log._publication._timer
    assert timer is not None
    assert 0.5 < timer.when() - loop.time() <= 0.8
    await log.append([workshop.decision()])
    assert log._publication._timer is timer  # the first line's time counts
    assert (await log.publish_now()).size == 3
    assert await log.publish_now() == log.published
    assert sizes(workshop.folder) == [1, 3]
    await log.close()


async def test_each_step_is_durable_before_the_next(workshop: Workshop, steps: Steps) -> None:
    log = await workshop.open(disk=steps)
    steps.done.clear()
    await log.append([workshop.decision()])
    await log.publish_now()
    name = workshop.folder.name
    assert steps.done == [
        f"write {name}/2026-05-06.jsonl",
        f"sync {name}/2026-05-06.jsonl",
        f"write {name}/tile/0/000.p/.2.new",
        f"sync {name}/tile/0/000.p/.2.new",
        f"put {name}/tile/0/000.p/2",
        f"sync {name}/tile/0/000.p",
        f"write {name}/checkpoints",
        f"sync {name}/checkpoints",
        f"write {name}/.checkpoint.new",
        f"sync {name}/.checkpoint.new",
        f"put {name}/checkpoint",
        f"sync {name}",
        "write .last.new",
        "sync .last.new",
        "put last",
        "sync .",
    ]
    await log.close()


FAILING_STEPS = [
    "write decisions/tile/0/000.p/.2.new",
    "sync decisions/tile/0/000.p/.2.new",
    "put decisions/tile/0/000.p/2",
    "sync decisions/tile/0/000.p",
    "write decisions/checkpoints",
    "sync decisions/checkpoints",
    "write decisions/.checkpoint.new",
    "sync decisions/.checkpoint.new",
    "put decisions/checkpoint",
    "write .last.new",
    "sync .last.new",
    "put last",
]


@pytest.mark.parametrize("step", FAILING_STEPS)
async def test_a_step_that_fails_ends_the_log_and_is_not_tried_again(
    workshop: Workshop, steps: Steps, step: str
) -> None:
    failures: list[BaseException] = []
    log = await workshop.open(disk=steps, on_failure=failures.append)
    await log.append([workshop.decision()])
    steps.fail_at = step
    with pytest.raises(LogUnavailable):
        await log.publish_now()
    done = len(steps.done)
    assert not log.available
    assert [type(failure) for failure in failures] == [OSError]
    for refused in (log.append([workshop.decision()]), log.publish_now(), log.publish_now(again=True)):
        with pytest.raises(LogUnavailable):
            await refused
    await log.close()
    assert (len(steps.done), len(failures)) == (done, 1)
    steps.fail_at = None
    again = await workshop.open(disk=steps)
    assert await again.append([workshop.decision()]) == 2
    await again.close()
    assert sizes(workshop.folder)[-1] == 3


async def test_a_failure_that_nobody_waits_for_is_told(workshop: Workshop, steps: Steps) -> None:
    failed = asyncio.Event()
    log = await open_log(
        workshop.folder,
        node="gw1",
        signing_key=KEY,
        now=workshop.clock,
        disk=steps,
        publish_after_seconds=0.0,
        on_failure=lambda _: failed.set(),
    )
    steps.fail_at = "write decisions/checkpoints"
    await log.append([workshop.decision()])
    async with asyncio.timeout(5):
        await failed.wait()
    assert not log.available
    await log.close()


async def test_a_line_that_cannot_be_durable_is_never_covered(workshop: Workshop, steps: Steps) -> None:
    log = await workshop.open(disk=steps)
    steps.fail_at = "sync decisions/2026"
    with pytest.raises(LogUnavailable):
        await log.append([workshop.decision()])
    steps.fail_at = None
    with pytest.raises(LogUnavailable):
        await log.publish_now()
    await log.close()
    assert sizes(workshop.folder) == [1]


@pytest.mark.parametrize("what", ["remove", "cut", "add"])
async def test_checkpoints_that_somebody_else_changes_meanwhile_end_the_log(
    workshop: Workshop, no_sync: Disk, what: str
) -> None:
    log = await workshop.open(disk=no_sync)
    path = workshop.folder / "checkpoints"
    octets = path.read_bytes()
    path.unlink() if what == "remove" else path.write_bytes(octets[:-1] if what == "cut" else octets + b"x")
    await log.append([workshop.decision()])
    with pytest.raises(LogUnavailable):
        await log.publish_now()
    await log.close()


async def test_lines_go_on_while_a_checkpoint_is_written(workshop: Workshop) -> None:
    loop = asyncio.get_running_loop()
    reached, free = asyncio.Event(), asyncio.Event()

    class Slow(NoSync):
        slow = False

        def put(self, path: Path, octets: bytes) -> None:
            if self.slow and "tile" in path.parts:
                loop.call_soon_threadsafe(reached.set)
                asyncio.run_coroutine_threadsafe(free.wait(), loop).result(timeout=10)
            super().put(path, octets)

    disk = Slow()
    log = await workshop.open(disk=disk)
    disk.slow = True
    await log.append([workshop.decision()])
    async with asyncio.timeout(10):
        publishing = asyncio.create_task(log.publish_now())
        await reached.wait()
        assert await log.append([workshop.decision()]) == 2
        free.set()
        assert (await publishing).size == 2
    await log.close()
    assert sizes(workshop.folder) == [1, 2, 3]


async def test_whoever_stops_waiting_does_not_stop_a_publication(workshop: Workshop, no_sync: Disk) -> None:
    log = await workshop.open(disk=no_sync)
    for steps in range(1, 6):
        await log.append([workshop.decision()] * 300)
        publishing = asyncio.create_task(log.publish_now())
        for _ in range(steps):
            await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.wait([publishing])
    await log.append([workshop.decision()])
    await log.close()
    assert log.published is not None
    assert log.published.size == sizes(workshop.folder)[-1] == 1502
    assert all(
        Tree.load(workshop.folder, each.size).root() == each.root for each in published(workshop.folder)
    )
    await workshop.reopen(workshop.folder)


async def test_partial_tiles_stand_until_the_full_one_does(workshop: Workshop, no_sync: Disk) -> None:
    log = await workshop.open(disk=no_sync)
    partial = workshop.folder / "tile/0/000.p"
    for size in (100, 255, 256):
        assert log.published is not None
        await log.append([workshop.decision()] * (size - log.published.size))
        await log.publish_now()
        there = sorted(path.name for path in partial.iterdir()) if partial.exists() else []
        assert there == {100: ["1", "100"], 255: ["1", "100", "255"], 256: []}[size]
    await log.close()
    tiles = {
        str(path.relative_to(workshop.folder)) for path in workshop.folder.glob("tile/**/*") if path.is_file()
    }
    assert tiles == {"tile/0/000", "tile/1/000.p/1"}
    assert all(
        Tree.load(workshop.folder, each.size).root() == each.root for each in published(workshop.folder)
    )


async def test_modes_let_auditors_read(workshop: Workshop, no_sync: Disk) -> None:
    workshop.witness_file = workshop.folder.parent / "last"
    await workshop.write(lines=300)
    modes = {path.stat().st_mode & 0o777 for path in (workshop.folder / "tile").rglob("*") if path.is_dir()}
    files = [path for path in workshop.folder.rglob("*") if path.is_file()]
    assert modes == {0o750}
    assert {path.stat().st_mode & 0o777 for path in (*files, workshop.witness_file)} == {0o640}


async def test_at_a_rotation_both_keys_sign_and_then_the_new_one(workshop: Workshop, no_sync: Disk) -> None:
    new = generate(ORIGIN)
    log = await workshop.open(disk=no_sync)
    log.sign_with(KEY, new)
    both = await log.publish_now(again=True)
    log.sign_with(new)
    await log.append([workshop.decision()])
    alone = await log.publish_now()
    await log.close()
    assert [signed_by(both, [key]) for key in (KEY, new)] == [True, True]
    assert [signed_by(alone, [key]) for key in (KEY, new)] == [False, True]


async def test_a_witness_s_signature_is_published_with_the_checkpoint_it_is_for(
    workshop: Workshop, no_sync: Disk
) -> None:
    log = await workshop.open(disk=no_sync)
    first = log.published
    assert first is not None
    cosigned = await log.add_signatures([WITNESS_LINE], first)
    assert cosigned == log.published
    assert (workshop.folder / "checkpoint").read_bytes() == first.note + WITNESS_LINE
    await log.append([workshop.decision()])
    newest = await log.publish_now()
    await log.add_signatures([WITNESS_LINE], first)  # late: `checkpoint` does not go back
    assert (workshop.folder / "checkpoint").read_bytes() == newest.note
    with pytest.raises(ValueError, match="not a signature line"):
        await log.add_signatures([b"x\n"], newest)
    await log.close()
    assert sizes(workshop.folder) == [1, 1, 2, 1]
    log = await workshop.open(disk=no_sync)
    assert log.published is not None
    assert log.published.size == 2
    await log.close()


async def test_midnight_and_a_clock_that_jumps_back_make_no_difference(
    workshop: Workshop, no_sync: Disk
) -> None:
    log = await workshop.open(disk=no_sync)
    for jump in (86_400, -3 * 86_400, 4 * 86_400):
        workshop.clock.now += jump
        await log.append([workshop.decision()])
        await log.publish_now()
    await log.close()
    assert sizes(workshop.folder) == [1, 3, 4, 6]
    assert [json.loads(line)["event"] for line in workshop.lines()].count("day") == 2
    await workshop.reopen(workshop.folder)


async def close_while(log: LogWriter, act: Callable[[], object]) -> None:
    act()
    async with asyncio.timeout(10):
        await log.close()


async def test_closing_in_the_middle_of_a_publication_waits_for_it(workshop: Workshop, no_sync: Disk) -> None:
    log = await workshop.open(disk=no_sync)
    await log.append([workshop.decision()])
    await close_while(log, log._publication._due)
    assert sizes(workshop.folder) == [1, 2]
    await log.close()
