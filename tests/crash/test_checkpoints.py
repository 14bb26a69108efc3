"""kill -9 of the daemon while it publishes: whatever checkpoint was seen by then, the log grows from it.

Without the rest of the daemon, `test_publication.py` does it at each step, and `test_published.py` at every
system call.
"""

import pytest

from rorpost_gateway.audit.verify import verify_log
from tests.crash.scene import BOTH, Scene
from tests.peers.gateway_world import merged

WITNESS_NAME = "decision-log.last"
CASES = [
    ("tiles", "after"),
    ("checkpoints-write", "in-second-line"),
    ("checkpoint-shown", "after"),
]


@pytest.fixture
def scene(scene: Scene) -> Scene:
    gateway = scene.gateway
    gateway.set_config(merged(gateway.config, {"decision_log": {"witness_file": WITNESS_NAME}}))
    return scene


def seen(scene: Scene) -> set[bytes]:
    """Every checkpoint that somebody could have a copy of now."""
    paths = (scene.gateway.log_folder / "checkpoint", scene.gateway.folder / WITNESS_NAME)
    return {path.read_bytes() for path in paths if path.exists()}


@pytest.mark.parametrize(("point", "moment"), CASES)
def test_killed_while_publishing(scene: Scene, point: str, moment: str) -> None:
    assert scene.play(point, moment).accepted
    published = seen(scene)
    assert published
    scene.settle()
    scene.gateway.wait_for_arrivals(len(BOTH))
    assert scene.repeat().reason == "duplicate"
    scene.end()
    vkey = (scene.gateway.folder / "decision-log.vkey").read_text(encoding="ascii").strip()
    for note in published:
        verify_log(scene.gateway.log_folder, vkey=vkey, since=note)
    assert len(seen(scene)) == 1  # and the copy elsewhere is up to date again
