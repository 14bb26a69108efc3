"""`rorpost demo` where it does not come to its end: nothing is left behind, and the text says what it was."""

import asyncio
import imaplib
import os
import re
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from rorpost_gateway.demo import dovecot, names
from rorpost_gateway.demo.daemon import Daemon, Listening
from rorpost_gateway.demo.world import write_config
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
    wrong = ("urgent", "urgent=", "=ok", "urgent=ok=ok", "nonsense=ok", "sideways:urgent=ok", ":urgent=ok")
    for text in wrong:
        ended = rorpost("demo", "--expect", text)
        assert ended.code == 2
        assert "is not [DIRECTION:]REASON=REASON" in ended.err
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
    def broken(house: Any, **named: Any) -> None:
        write_config(house, **named)
        if house.organisation is names.REGION:  # the other one is running by then
            house.config.write_text("nonsense: 1\n")

    monkeypatch.setattr("rorpost_gateway.demo.running.write_config", broken)
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
ready = {"event": "ready", "listening": "127.0.0.1:25, 127.0.0.1:26", "inbound": "127.0.0.1:27"}
print(json.dumps(ready), file=sys.stderr, flush=True)
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
        assert await daemon.ready() == Listening(submission=("127.0.0.1", 25), inbound=("127.0.0.1", 27))
        await daemon.end()
        return await daemon.ended()

    assert asyncio.run(run()) == -signal.SIGKILL


BOUND_SECONDS = 60.0


class Waiting:
    """`rorpost demo --keep` as a process, and what it says."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "rorpost_gateway", "demo", "--keep"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=True,
        )
        self.said = ""

    def settings(self) -> str:
        """Everything it says until it waits."""
        assert self.process.stdout is not None
        bound = threading.Timer(BOUND_SECONDS, self.process.terminate)
        bound.start()
        try:
            for line in self.process.stdout:
                self.said += line
                if "until Ctrl-C" in line:
                    return self.said
        finally:
            bound.cancel()
        raise AssertionError(self.said)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=BOUND_SECONDS)
        self.said += rest
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()  # killed, it would leave its daemons behind, with its standard output
        try:
            self.process.communicate(timeout=BOUND_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_kept_until_it_is_ended(number: signal.Signals) -> None:
    with Waiting() as waiting:
        settings = waiting.settings()
        (folder,) = {Path(path) for path in re.findall(r"/tmp/rp[^/\s]+", settings)}
        # A daemon that is just starting a program is there twice, until the program takes its own name.
        served = {command for command in processes_in(folder) if " serve " in command}
        assert len(served) == 2, served
        assert settings.count("STARTTLS") == 2
        assert waiting.end(number) == 0
    assert "Traceback" not in waiting.said
    assert not folder.exists()
    require_none_left_in(folder)


def test_a_mail_client_reads_and_writes_at_both() -> None:
    """With the settings that are printed, and nothing else."""
    with Waiting() as waiting:
        settings = waiting.settings()
        (ca,) = re.findall(r"/tmp/rp[^/\s]+/ca\.pem", settings)
        tls = ssl.create_default_context(cafile=ca)
        outgoing = re.findall(r"outgoing, SMTP +127\.0\.0\.1, port (\d+), STARTTLS, user (\w+)", settings)
        sides = zip(
            outgoing, ((names.HOME_CARE, names.BRINKEN), (names.BRINKEN, names.HOME_CARE)), strict=True
        )
        for (port, login), (sender, recipient) in sides:
            with smtplib.SMTP("127.0.0.1", int(port), timeout=30) as client:
                client.starttls(context=tls)
                client.login(login, names.PASSWORD)
                text = f"From: {sender}\r\nTo: {recipient}\r\nSubject: prov\r\n\r\nHej\r\n"
                assert client.sendmail(sender, [recipient], text) == {}
        incoming = re.findall(r"incoming, IMAP +127\.0\.0\.1, port (\d+), SSL/TLS, user (\S+)", settings)
        assert len(incoming) == (2 if dovecot.is_installed() else 0)
        for port, mailbox in incoming:
            assert subjects(int(port), mailbox, tls, wait_for="prov")
        assert waiting.end(signal.SIGTERM) == 0
    assert "Traceback" not in waiting.said


def subjects(port: int, mailbox: str, tls: ssl.SSLContext, *, wait_for: str) -> list[str]:
    """What an IMAP client sees, once the message it waits for is there: NOOP brings news."""
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=tls, timeout=30) as session:
        session.login(mailbox, names.PASSWORD)
        session.select("INBOX")
        deadline, pause = time.monotonic() + 30, threading.Event()
        while True:
            session.noop()
            numbers = session.search(None, "ALL")[1][0].decode().replace(" ", ",")
            found = session.fetch(numbers, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if numbers else []
            read = [each[1].decode() for each in found if isinstance(each, tuple)]
            if any(wait_for in subject for subject in read):
                return read
            assert time.monotonic() < deadline, read
            pause.wait(0.05)
