"""The clock that the demo sets: it jumps when it is told to, and ticks in between."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.demo.clock import Clock

MOMENT = datetime(2031, 5, 6, 8, 0, tzinfo=UTC)


def test_without_its_file_it_is_the_machines(tmp_path: Path) -> None:
    before = time.time()
    assert before <= Clock(tmp_path / "clock").now() <= time.time()


def test_another_process_sees_what_it_was_set_to(tmp_path: Path) -> None:
    ours, theirs = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    for moment in (MOMENT, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)):
        began = time.time()
        ours.set(moment)
        passed = theirs.now() - moment.timestamp()
        assert -0.001 <= passed <= time.time() - began + 0.001
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


def test_a_file_that_says_nothing_is_no_time(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("tomorrow")
    with pytest.raises(ValueError, match="tomorrow"):
        Clock(tmp_path / "clock").now()
