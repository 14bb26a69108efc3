"""kill -9 while the policy in force changes: afterwards one of the two counts, never half of one."""

import hashlib
import json
import signal
from typing import Any

import pytest

from tests.crash.scene import BOTH, Scene
from tests.peers.gateway_world import BRINKEN, make_policy


def changed(scene: Scene) -> dict[str, Any]:
    policy = make_policy(scene.gateway.keys)
    policy["mailboxes"][BRINKEN]["phone"] = "010-103 11 11"
    return policy


@pytest.mark.parametrize(
    ("point", "moment", "nth"),
    [
        ("policy-file", "before", 3),  # the first two are the start's: the revision, and which is in force
        ("policy-file", "after", 3),
        ("policy-kept", "before", 2),
        ("policy-kept", "after", 2),
        ("policy-logged", "before", 2),
        ("policy-logged", "after", 2),
    ],
)
def test_a_reload_that_was_killed_is_done_by_the_next_start(
    scene: Scene, point: str, moment: str, nth: int
) -> None:
    gateway = scene.gateway
    scene.start_with(point, moment, nth)
    assert scene.submit().accepted
    gateway.set_policy(changed(scene))
    gateway.running.send(signal.SIGHUP)
    scene.see_killed(point, moment)
    scene.settle()
    assert scene.repeat().reason == "duplicate"
    assert set(scene.arrivals()) == set(BOTH)

    old, *between, new = [line["revision"] for line in gateway.lines_of("policy")]
    assert set(between) <= {new}
    assert old != new
    kept = gateway.state / "policies"
    for revision in (old, new):
        octets = (kept / f"{revision}.json").read_bytes()
        assert hashlib.sha256(octets).hexdigest() == revision
        assert json.loads(octets)
    assert (kept / "in-force").read_text().strip() == new
    scene.end(refused_lines=0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_the_very_end(scene: Scene, moment: str) -> None:
    scene.start_with("stop-logged", moment)
    assert scene.submit().accepted
    scene.gateway.wait_until_empty()
    scene.gateway.running.send(signal.SIGTERM)
    scene.see_killed("stop-logged", moment)
    assert len(scene.gateway.lines_of("stop")) == (moment == "after")
    scene.settle()
    assert scene.repeat().reason == "duplicate"
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end(refused_lines=0)
