"""The daemon at bad moments: the end in the middle of a reload, and few file descriptors."""

import os
import shutil
import signal
from pathlib import Path

from tests.peers.whole_gateway import MakeGateway

SLOW_GPG = """#!/bin/sh
[ -e {marker} ] && exec tail -f /dev/null
exec {gpg} "$@"
"""
FEW_DESCRIPTORS = """
import resource
from rorpost_gateway.cli import main

_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))
main()
"""


def open_files(process: int) -> tuple[str, str]:
    lines = Path(f"/proc/{process}/limits").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("Max open files"))
    soft, hard = line.split()[3:5]
    return soft, hard


def test_the_end_does_not_wait_for_a_reload(whole_gateway: MakeGateway, tmp_path: Path) -> None:
    """gpg waits for ever where somebody holds its lock; the daemon is to be gone before it is killed."""
    gateway, marker, gpg = whole_gateway(), tmp_path / "slow", tmp_path / "bin" / "gpg"
    gpg.parent.mkdir()
    gpg.write_text(SLOW_GPG.format(marker=marker, gpg=shutil.which("gpg")), encoding="ascii")
    gpg.chmod(0o755)
    gateway.start(environment={**os.environ, "PATH": f"{gpg.parent}:{os.environ['PATH']}"})
    marker.touch()
    gateway.running.send(signal.SIGHUP)
    children = Path(f"/proc/{gateway.running.process.pid}/task/{gateway.running.process.pid}/children")
    gateway.until(lambda: children.read_text(encoding="ascii"), what="gpg")
    assert gateway.stop() == 0
    assert gateway.lines_of("stop")
    assert len(gateway.lines_of("policy")) == 1
    gateway.verify_log()


def test_there_are_descriptors_for_every_connection(whole_gateway: MakeGateway, tmp_path: Path) -> None:
    script = tmp_path / "few.py"
    script.write_text(FEW_DESCRIPTORS.format(hard="hard"), encoding="ascii")
    gateway = whole_gateway(config={"limits": {"connections": 300}})
    gateway.start(wrapper=script)
    assert int(open_files(gateway.running.process.pid)[0]) >= 2 * 300 + 100
    assert not [event for event in gateway.running.events if event["event"] == "few-file-descriptors"]


def test_too_few_descriptors_are_told_of(whole_gateway: MakeGateway, tmp_path: Path) -> None:
    script = tmp_path / "few.py"
    script.write_text(FEW_DESCRIPTORS.format(hard="256"), encoding="ascii")
    gateway = whole_gateway(config={"limits": {"connections": 300}})
    gateway.start(wrapper=script)
    told = gateway.running.wait_for_event("few-file-descriptors")
    assert told["allowed"] == 256 < told["wanted"]
    assert gateway.submit().accepted
