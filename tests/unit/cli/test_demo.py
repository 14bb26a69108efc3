"""`rorpost demo` where it does not come to its end: nothing is left behind, and the text says what it was."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.demo import run as demo_run
from rorpost_gateway.demo.daemon import Daemon
from tests.peers.processes import processes_in, require_none_left_in


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that demos in this process work in."""
    made: list[Path] = []
    real = tempfile.mkdtemp

    def make(*arguments: Any, **named: Any) -> str:
        made.append(Path(real(*arguments, **named)))
        return str(made[-1])

    monkeypatch.setattr("rorpost_gateway.cli.demo.tempfile.mkdtemp", make)
    return made


def require_nothing_left(folders: list[Path]) -> None:
    (folder,) = folders
    assert not folder.exists()
    require_none_left_in(folder)


def test_a_wrong_expectation_is_wrong_usage_and_starts_nothing(rorpost: Any, folders: list[Path]) -> None:
    for text in ("urgent", "urgent=", "=ok", "urgent=ok=ok", "nonsense=ok"):
        ended = rorpost("demo", "--expect", text)
        assert ended.code == 2
        assert "is not REASON=REASON" in ended.err
    assert folders == []


def test_without_gpg(rorpost: Any, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    ended = rorpost("demo")
    assert ended.code == 1
    assert "gpg" in ended.err
    assert "Traceback" not in ended.err
    require_nothing_left(folders)


def test_a_gateway_that_does_not_start(
    rorpost: Any, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = demo_run.write_config

    def broken(world: Any, **named: Any) -> None:
        real(world, **named)
        world.config.write_text("nonsense: 1\n")

    monkeypatch.setattr(demo_run, "write_config", broken)
    ended = rorpost("demo")
    assert ended.code == 1
    assert ended.err.startswith("rorpost: the gateway did not start: ")
    assert "rorpost.yaml:1:1: " in ended.err
    require_nothing_left(folders)


def test_a_gateway_that_is_never_ready(
    rorpost: Any, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rorpost_gateway.demo.daemon.START_SECONDS", 0.01)
    ended = rorpost("demo")
    assert ended.code == 1
    assert "was not ready within" in ended.err
    require_nothing_left(folders)


def test_a_start_that_fails_for_a_reason_nobody_thought_of(
    rorpost: Any, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Daemon) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Daemon, "ready", broken)
    with pytest.raises(ZeroDivisionError):
        rorpost("demo")
    require_nothing_left(folders)


# Says that it is ready, and ends for nobody.
DEAF = """
import json, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(json.dumps({"event": "ready", "listening": "127.0.0.1:25, 127.0.0.1:26"}), file=sys.stderr, flush=True)
while True:
    signal.pause()
"""


def test_a_daemon_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rorpost_gateway.demo.daemon.STOP_SECONDS", 0.05)

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DEAF, stderr=asyncio.subprocess.PIPE
        )
        daemon = Daemon(process, tmp_path / "log")
        assert await daemon.ready() == ("127.0.0.1", 25)
        await daemon.end()
        return await daemon.ended()

    assert asyncio.run(run()) == -signal.SIGKILL


class Waiting:
    """`rorpost demo --keep` as a process, and the folder it says it works in."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "rorpost_gateway", "demo", "--keep"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        self.said = ""

    def folder(self) -> Path:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "decision log" in line:
                words = [word for word in line.split() if word.startswith("/tmp/rp")]
                return Path(words[0]).parents[1]
        raise AssertionError(self.said)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_kept_until_it_is_ended(number: signal.Signals) -> None:
    waiting = Waiting()
    try:
        folder = waiting.folder()
        assert any(" serve " in command for command in processes_in(folder))
        assert "STARTTLS" in waiting.said
        code = waiting.end(number)
    finally:
        if waiting.process.poll() is None:
            waiting.process.kill()
            waiting.process.communicate()
    assert code != 0
    assert "Traceback" not in waiting.said
    assert not folder.exists()
    require_none_left_in(folder)
