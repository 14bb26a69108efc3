"""A change of the policy's files is noticed once it has stood still, and each change once."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rorpost_gateway.config import Config
from rorpost_gateway.config.model import PolicyReload
from rorpost_gateway.daemon.policy_watch import PolicyWatch, Quiet, Sight, look


def sight(size: int) -> Sight:
    return frozenset({("policy.yaml", 1, size, 0, 0)})


def test_what_moves_is_not_read() -> None:
    quiet = Quiet(sight(0), quiet_seconds=5)
    assert not any(quiet.due(sight(at), at) for at in range(1, 60))
    assert [at for at in range(60, 80) if quiet.due(sight(59), at)] == [64]  # as it was since 59


def test_without_a_change_nothing_is_read() -> None:
    quiet = Quiet(sight(0), quiet_seconds=0)
    assert not any(quiet.due(sight(0), at) for at in range(10))


def test_what_was_changed_back_in_time_is_no_change() -> None:
    quiet = Quiet(sight(0), quiet_seconds=5)
    assert not quiet.due(sight(1), 1)
    assert not any(quiet.due(sight(0), at) for at in range(2, 20))


def test_a_policy_that_is_gone_is_a_change() -> None:
    quiet = Quiet(sight(0), quiet_seconds=5)
    assert [at for at in range(1, 20) if quiet.due(frozenset(), at)] == [6]
    assert [at for at in range(20, 40) if quiet.due(sight(0), at)] == [25]


def test_what_was_read_for_another_reason_is_not_read_again() -> None:
    quiet = Quiet(sight(0), quiet_seconds=5)
    assert not quiet.due(sight(1), 1)
    quiet.read(sight(1))
    assert not any(quiet.due(sight(1), at) for at in range(2, 20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "10-a.yaml").write_text("mailboxes: {}\n", encoding="utf-8")
    (tmp_path / "tests" / "cases.yaml").write_text("cases: []\n", encoding="utf-8")
    return tmp_path


def replaced(folder: Path) -> None:
    """As an editor does it: same size, same time of change, another file."""
    old = folder / "10-a.yaml"
    new = folder / ".new"
    new.write_text("mailboxes: []\n", encoding="utf-8")
    os.utime(new, ns=(old.stat().st_atime_ns, old.stat().st_mtime_ns))
    new.rename(old)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file replaced": replaced,
    "a file added": lambda folder: (folder / "20-b.yaml").write_text(""),
    "a file that would not be read": lambda folder: (folder / "20-b.yml").write_text(""),
    "a file taken away": lambda folder: (folder / "10-a.yaml").unlink(),
    "a file renamed": lambda folder: (folder / "10-a.yaml").rename(folder / "11-a.yaml"),
    "a case": lambda folder: (folder / "tests" / "cases.yaml").write_text("cases: [7]\n"),
}
NOTHING: dict[str, Callable[[Path], object]] = {
    "what an editor keeps beside it": lambda folder: (folder / ".10-a.yaml.swp").write_text("x"),
    "a backup": lambda folder: (folder / "10-a.yaml~").write_text("x"),
    "a README": lambda folder: (folder / "README.md").write_text("x"),
    "another folder": lambda folder: (folder / "old").mkdir(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_seen(folder: Path, what: str) -> None:
    before = look(folder)
    CHANGES[what](folder)
    assert look(folder) != before


@pytest.mark.parametrize("what", NOTHING)
def test_not_seen(folder: Path, what: str) -> None:
    before = look(folder)
    NOTHING[what](folder)
    assert look(folder) == before


def test_a_single_file_links_and_nothing(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(folder / "10-a.yaml")
    before = look(link)
    assert len(before) == 1
    replaced(folder)
    assert look(link) != before
    (folder / "10-a.yaml").unlink()
    assert look(link) == look(folder / "not there") == frozenset()


async def test_run_asks_once_for_each_change(folder: Path) -> None:
    """Each pause is a second; what happens in it stands in a list."""
    seconds = 0.0
    asked: list[float] = []
    happens = {3.0: replaced, 12.0: lambda folder: (folder / "20-b.yaml").write_text("mailboxes: {}\n")}
    ended = asyncio.Event()

    async def pause(wanted: float) -> None:
        nonlocal seconds
        seconds += wanted
        if change := happens.get(seconds):
            change(folder)
        if seconds == 15.0:  # somebody sends SIGHUP before it is quiet
            await watch.read()
        if seconds >= 30:
            ended.set()
            await asyncio.Event().wait()

    watch = PolicyWatch(folder, quiet_seconds=5, clock=lambda: seconds, pause=pause)
    task = asyncio.create_task(watch.run(lambda: asked.append(seconds)))
    async with asyncio.timeout(10):
        await ended.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked == [8.0]


def test_configured(files: object) -> None:
    config: Config = files.config()  # type: ignore[attr-defined]
    assert (config.policy_reload, config.policy_quiet_seconds) == (PolicyReload.SIGNAL, 5)
    config = files.config(policy_reload="watch", policy_quiet="1m")  # type: ignore[attr-defined]
    assert (config.policy_reload, config.policy_quiet_seconds) == (PolicyReload.WATCH, 60)
