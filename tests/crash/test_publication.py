"""Killed at each step of a publication: the log opens again, and what a checkpoint covers is there.

A writer without the rest of the daemon, in a process of its own; it dies at the point in the
publication of an accepted message's line.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.published.note import Checkpoint, parse_checkpoint, whole_notes
from rorpost_gateway.decision_log.published.tree import Tree
from tests.crash.points import CUTS
from tests.peers.log_workshop import ORIGIN, NoSync, Workshop

SCRIPT = Path(__file__).with_name("writer_with_point.py")
LINES = 254  # before the two of which the second fills the first tile
MOMENTS = [
    *((point, moment) for point in ("tiles", "checkpoints-appended") for moment in ("before", "after")),
    *((point, moment) for point in ("checkpoint-shown", "checkpoint-kept") for moment in ("before", "after")),
    *(("checkpoints-write", moment) for moment in ("before", *CUTS)),
]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    workshop = Workshop(tmp_path / "decisions")
    workshop.witness_file = tmp_path / "decision-log.last"
    return workshop


def read(path: Path) -> Checkpoint:
    checkpoint = parse_checkpoint(path.read_bytes())
    assert checkpoint is not None
    return checkpoint


def listed(workshop: Workshop) -> list[int]:
    octets = (workshop.folder / "checkpoints").read_bytes()
    return [checkpoint.size for _, checkpoint in whole_notes(octets, ORIGIN)]


@pytest.mark.parametrize(("point", "moment"), MOMENTS)
async def test_killed_while_it_publishes(workshop: Workshop, point: str, moment: str) -> None:
    await workshop.write(lines=LINES - 1)  # and the genesis entry
    done = subprocess.run(
        [sys.executable, SCRIPT, workshop.folder, workshop.key_file(), point, moment],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    # Whatever was published is true: of the lines, and of the tiles.
    lines = sum(1 for _ in workshop.lines())
    assert lines == LINES + 2
    newest = listed(workshop)[-1]
    for path in (workshop.folder / "checkpoint", workshop.witness_file):
        assert read(path).size <= newest <= lines
    for size in listed(workshop):
        Tree.load(workshop.folder, size)
    # An ordinary start goes on with it.
    log = await workshop.open(disk=NoSync())
    assert log.published is not None
    assert log.published.size >= lines
    assert log.published == read(workshop.folder / "checkpoint") == read(workshop.witness_file)
    await log.append([workshop.decision()])
    await log.close()
    assert workshop.verify().entries == read(workshop.witness_file).size
