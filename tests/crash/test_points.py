"""The points themselves: each name exists in the package, and one that is not reached is noticed."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

import rorpost_gateway
from tests.crash.points import CUTS, POINTS
from tests.crash.scene import WORD, Scene

PACKAGE = Path(rorpost_gateway.__file__).parent
HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(POINTS))
def test_what_a_point_wraps_exists(name: str) -> None:
    point = POINTS[name]
    assert callable(vars(point.holder())[point.attribute])
    assert point.follows is None or point.follows in POINTS


def test_every_point_is_used() -> None:
    files = [*HERE.glob("test_*.py"), *HERE.glob("*_table.py")]
    said = "".join(path.read_text() for path in files if path != Path(__file__))
    assert [name for name in (*POINTS, *CUTS) if f'"{name}"' not in said] == []


def test_the_package_knows_nothing_of_points() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert re.search(r"(?m)^\s*(from|import) tests\b|os\.kill\b", text) is None, path


def test_a_word_of_the_plaintext_would_be_found(scene: Scene) -> None:
    (scene.gateway.folder / "somewhere").mkdir()
    scene.see_no_plaintext()
    (scene.gateway.folder / "somewhere" / "queue.db-wal").write_bytes(b"\0\1" + WORD.encode() + b"\2")
    with pytest.raises(AssertionError):
        scene.see_no_plaintext()


def test_a_point_that_is_not_reached_is_noticed(scene: Scene) -> None:
    scene.start_with("mark-bounced", "after")
    assert scene.submit().accepted
    scene.gateway.wait_until_empty()
    with pytest.raises(subprocess.TimeoutExpired):
        scene.gateway.running.process.wait(0)
    scene.gateway.running.send(signal.SIGTERM)
    with pytest.raises(AssertionError):
        scene.see_killed("mark-bounced", "after")


def test_a_point_that_nobody_has_named_ends_the_start(scene: Scene) -> None:
    scene.gateway.start(
        wrapper=HERE / "daemon_with_point.py", arguments=("no-such-point", "after", "1"), wait=False
    )
    assert scene.gateway.running.wait() == 1
    assert not scene.gateway.state.exists()
