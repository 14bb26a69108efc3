"""The bench runs from end to end, with three messages of each kind. How fast all this is, no test says."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from rorpost_gateway.openpgp.engines import SEQUOIA
from tests.bench import readme, sampling, source
from tests.bench.__main__ import SECTIONS, bench
from tests.bench.cpu import Processes
from tests.bench.ground import Ground
from tests.bench.plot import FORMATS
from tests.bench.replay import replay, write_messages
from tests.bench.section import Plan
from tests.bench.sink import sink
from tests.peers.authority import Authority
from tests.peers.gateway_world import BRINKEN, HOME_CARE
from tests.peers.gnupg_home import PreparedKeys

TINY = Plan(octets=(4096,), runs=1, share=0.0, idle_connections=3, engines=(SEQUOIA,))
NEED_ROOT = frozenset({"mail", "costs"})


@pytest.fixture
def on(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="rb", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Ground(keys=prepared_keys, authority=authority, folder=Path(folder))


@pytest.mark.parametrize("step", ["RCPT", "."])
def test_a_refusal_is_no_figure(tmp_path: Path, step: str) -> None:
    write_messages(tmp_path / "messages", [b"Subject: Hej\r\n\r\nHej\r\n"])
    with sink("-f", step) as refusing:
        with pytest.raises(RuntimeError, match="smtp-source ended"):
            source.submit(refusing.port, messages=1, octets=100)
        with pytest.raises(RuntimeError, match="Refused"):
            replay(tmp_path / "messages", refusing.port, sender=HOME_CARE, recipient=BRINKEN)


def test_dots_are_stuffed_and_every_message_arrives(tmp_path: Path) -> None:
    write_messages(
        tmp_path / "messages", [b"Subject: %d\r\n\r\n.\r\n..\r\n" % number for number in range(12)]
    )
    with sink() as taking:
        sent = replay(tmp_path / "messages", taking.port, sender=HOME_CARE, recipient=BRINKEN)
        assert sent.began < taking.wait_for(12) <= sent.accepted + 1
        assert taking.count == 12


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() - NEED_ROOT))
def test_a_section_fills_its_table(on: Ground, tmp_path: Path, name: str) -> None:
    _measure(on, tmp_path, name)


@pytest.mark.root
@pytest.mark.parametrize("name", sorted(NEED_ROOT))
def test_a_section_that_needs_root_fills_its_table(on: Ground, tmp_path: Path, name: str) -> None:
    _measure(on, tmp_path, name)


def _measure(on: Ground, folder: Path, name: str) -> None:
    with (folder / "shown").open("w", encoding="utf-8") as shown:
        [section] = bench(on, replace(TINY, parts=frozenset({name})), Console(file=shown, width=160), folder)
    assert section.rows
    assert all(len(row) == len(section.columns) for row in section.rows)
    text = (folder / "shown").read_text(encoding="utf-8")
    assert all(cell in text for row in section.rows for cell in row)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["sections"].keys() == {name}
    plots = {path.name for path in folder.glob("*.*") if path.suffix not in (".json", ".md")}
    assert plots == ({f"{name}.{form}" for form in FORMATS} if section.bars else set())


def test_what_was_measured_stands_between_its_marks(tmp_path: Path) -> None:
    runs = [{"arrived_rate": value} for value in (400.0, 100.0, 200.0)]
    mail = [
        {"octets": octets, "way": "outbound", "contender": who, "runs": runs[:count]}
        for octets in (4096, 5_000_000)
        for who, count in (("Postfix", 1), ("gateway, gnupg", 3))
    ]
    machine = {"cores": 2, "machine": "m", "python": "3", "postfix": "4", "at": "2026-01-02T03:04:05"}
    text = readme.measured(machine, mail)
    assert "| 5 MB, outbound | 400 | 200 (0.50) |\n" in text
    page = tmp_path / "README.md"
    page.write_text(readme.END + readme.BEGIN, encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        readme.put(page, text)
    page.write_text(f"a\n{readme.BEGIN}old\n{readme.END}b\n", encoding="utf-8")
    readme.put(page, text)
    assert page.read_text(encoding="utf-8") == f"a\n{readme.BEGIN}{text}{readme.END}b\n"
    assert readme.README.read_text(encoding="utf-8").count(readme.BEGIN) == 1


def test_time_is_counted_to_the_innermost_function_and_its_room() -> None:
    group = "main (/x/rorpost_gateway/__main__.py:5);GroupCommit.run (/x/rorpost_gateway/queue/group.py:7)"
    waiting = "run (/y/python3.11/threading.py:1);_worker (/y/python3.11/concurrent/futures/thread.py:81)"
    package = "write (/v/lib/python3.11/site-packages/aiosmtplib/protocol.py:2)"
    stacks = {group: 3, f"{group};dumps (/y/python3.11/json/__init__.py:9)": 1, waiting: 50, package: 4}
    text = "".join(f"{stack} {count}\n" for stack, count in stacks.items())
    profile = sampling.Profile()
    sampling.read_stacks(text, profile)
    in_samples = {room: round(seconds * sampling.RATE_HERTZ) for room, seconds in profile.rooms.items()}
    assert in_samples == {"queue": 3, "json": 1, "aiosmtplib": 4}  # a thread that waits for work does none
    assert round(profile.under["GroupCommit.run", "queue"] * sampling.RATE_HERTZ) == 4
    assert round(profile.own["GroupCommit.run", "queue"] * sampling.RATE_HERTZ) == 3


def test_processes_are_accounted_as_the_kernel_does() -> None:
    ours = Processes(root=os.getpid())
    assert os.getpid() in ours.pids()
    assert ours.cpu_seconds() >= ours.root_seconds() > 0
    assert ours.peak_octets() >= ours.proportional_octets() // 2 > 0
    assert Processes(root=2**22 + 1).cpu_seconds() == 0  # no such process: kernel ids end before
