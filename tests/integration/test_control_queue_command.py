"""`rorpost queue` as a process of its own, against a control socket with a real queue behind it."""

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.control.queue_verbs import QueueVerbs
from rorpost_gateway.control.server import ControlServer
from rorpost_gateway.queue.base import Copy, Queue, Retry
from tests.peers.queues import BRINKEN, LYCKORNA, NOW, SENDER, put_claimed, put_ready, queue_id

SHIPPED = Path(__file__).parents[2] / "config" / "rorpost.yaml"


@dataclass(kw_only=True)
class Installation:
    """A configuration, and the control socket that a daemon has for it."""

    config: Path
    queue: Queue
    removed: list[str]

    async def run(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rorpost_gateway", "queue", *arguments, "--config", str(self.config)]
        return await asyncio.to_thread(
            subprocess.run, command, stdin=stdin, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rq"))
    (path / "config").mkdir()
    (path / "state").mkdir()
    shutil.copy(SHIPPED, path / "config")
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def gateway(folder: Path, queue: Queue) -> AsyncIterator[Installation]:
    removed: list[str] = []

    async def record(event: str, operator: str, copy: Copy) -> None:
        if event == "removed":
            removed.append(copy.name)

    verbs = QueueVerbs(queue=queue, record=record, wake=lambda: None, now=lambda: NOW)
    server = ControlServer(folder / "state" / "control.socket", verbs.handlers())
    await server.start()
    yield Installation(config=folder / "config" / "rorpost.yaml", queue=queue, removed=removed)
    await server.close()


async def test_without_a_daemon_the_command_says_so_and_exits_1(folder: Path, queue: Queue) -> None:
    nobody = Installation(config=folder / "config" / "rorpost.yaml", queue=queue, removed=[])
    done = await nobody.run("list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no daemon is running here" in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_invalid_configuration_exits_78(gateway: Installation) -> None:
    gateway.config.write_text("node: [")
    assert (await gateway.run("list")).returncode == 78


async def test_an_unknown_id_exits_1_and_wrong_usage_2(gateway: Installation) -> None:
    unknown = queue_id()
    told = await gateway.run("show", unknown)
    assert (told.returncode, told.stderr) == (1, f"rorpost: no message {unknown} in the queue\n")
    assert (await gateway.run("hold", "not an id")).returncode == 2
    assert (await gateway.run("remove", "ALL", "--yes")).returncode == 2
    assert (await gateway.run("hold")).returncode == 2


async def test_list_and_show_as_tables_and_as_json(gateway: Installation) -> None:
    assert (await gateway.run("list")).stdout == "Queue is empty\n"
    identity = await put_claimed(gateway.queue, BRINKEN, LYCKORNA)
    later = Retry(next_attempt_at=NOW + 600, reply="451 4.7.1 greylisted", next_hop="mx.example:25")
    await gateway.queue.put_back(identity, BRINKEN, later)

    listed = await gateway.run("list")
    assert listed.returncode == 0
    for part in (
        identity,
        SENDER,
        BRINKEN,
        LYCKORNA,
        "deferred",
        "active",
        "451 4.7.1 greylisted",
        "in 1 Requests",
    ):
        assert part in listed.stdout
    [first, second] = json.loads((await gateway.run("list", "--json")).stdout)
    assert (first["recipient"], first["state"], second["state"]) == (BRINKEN, "deferred", "active")

    shown = await gateway.run("show", f"{identity}/{BRINKEN}")
    assert "decision id" in shown.stdout
    assert LYCKORNA not in shown.stdout
    [entry] = json.loads((await gateway.run("show", f"{identity}/{BRINKEN}", "--json")).stdout)
    assert entry == first


async def test_hold_release_retry_and_remove(gateway: Installation) -> None:
    identity = await put_ready(gateway.queue)
    steps = {
        ("hold", identity): (0, "1 of 1 copy put on hold\n"),
        ("hold", f"{identity}/{BRINKEN}"): (1, "0 of 1 copy put on hold\n"),
        ("release", "ALL"): (0, "1 of 1 copy released\n"),
        ("release", "all"): (0, "0 of 1 copy released\n"),
        ("retry", identity): (0, "1 of 1 copy due now\n"),
        ("remove", identity): (0, "1 of 1 copy removed\n"),
    }
    for arguments, (code, text) in steps.items():
        done = await gateway.run(*arguments)
        assert (done.returncode, done.stdout) == (code, text)
    assert gateway.removed == [f"{identity}/{BRINKEN}"]


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
async def test_on_a_terminal_remove_asks_first(gateway: Installation, answer: bytes, code: int) -> None:
    identity = await put_ready(gateway.queue)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = await gateway.run("remove", identity, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code
    assert "for good?" in done.stdout + done.stderr
    assert bool(gateway.removed) == (code == 0)
