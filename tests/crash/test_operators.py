"""kill -9 around what an operator does to the queue: done with its line, or to be done again, never half."""

from typing import Any

import pytest

from rorpost_gateway.control.client import DaemonUnreachable, call
from tests.crash.scene import BOTH, Scene
from tests.peers.gateway_world import BRINKEN, LYCKORNA
from tests.peers.sink import Script
from tests.peers.whole_gateway import MakeGateway

NOT_NOW = {"RCPT": b"450 4.2.0 not now\r\n"}


def make_scene(whole_gateway: MakeGateway) -> Scene:
    later = {"relay": {"retry": {"first": "1h", "longest": "1h"}}}
    return Scene(gateway=whole_gateway(config=later, script=Script(answers=dict(NOT_NOW))))


def ask(scene: Scene, verb: str, identity: str) -> Any:
    return call(scene.gateway.state / "control.socket", verb, {"id": identity})


def submitted(scene: Scene) -> str:
    """The queue id of a message both of whose copies were put off."""
    queue_id = scene.submit().queue_id
    assert queue_id
    gateway = scene.gateway
    gateway.until(lambda: all(row["attempts"] for row in gateway.queue_rows()), what="both put off")
    return queue_id


def states(scene: Scene) -> dict[str, str]:
    return {row["recipient"]: row["state"] for row in scene.gateway.queue_rows()}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_hold(whole_gateway: MakeGateway, moment: str) -> None:
    """It stands before its line does: what was held stays held, and does not leave."""
    scene = make_scene(whole_gateway)
    scene.start_with("operator-held", moment)
    queue_id = submitted(scene)
    with pytest.raises(DaemonUnreachable):
        ask(scene, "queue.hold", f"{queue_id}/{BRINKEN}")
    scene.see_killed("operator-held", moment)
    assert len(scene.gateway.lines_of("held")) == (moment == "after")
    scene.gateway.next_hop.script.answers.clear()
    scene.gateway.start()
    assert states(scene) == {BRINKEN: "held", LYCKORNA: "ready"}
    ask(scene, "queue.release", "ALL")
    ask(scene, "queue.retry", "ALL")
    scene.gateway.wait_until_empty()
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end(refused_lines=0)


@pytest.mark.parametrize(
    ("point", "moment", "state"),
    [
        ("operator-released", "before", "held"),
        ("operator-released", "after", "held"),
        ("release", "before", "held"),
        ("release", "after", "ready"),
    ],
)
def test_a_release(whole_gateway: MakeGateway, point: str, moment: str, state: str) -> None:
    """Its line comes first, so that none of the relay's can come before it."""
    scene = make_scene(whole_gateway)
    scene.start_with(point, moment)
    name = f"{submitted(scene)}/{BRINKEN}"
    assert ask(scene, "queue.hold", name) == {"changed": 1, "of": 1}
    with pytest.raises(DaemonUnreachable):
        ask(scene, "queue.release", name)
    scene.see_killed(point, moment)
    lines = len(scene.gateway.lines_of("released"))
    assert lines == ((point, moment) != ("operator-released", "before"))
    assert states(scene)[BRINKEN] in {state, "claimed" if state == "ready" else state}
    scene.gateway.next_hop.script.answers.clear()
    scene.gateway.start()
    ask(scene, "queue.release", "ALL")
    ask(scene, "queue.retry", "ALL")
    scene.gateway.wait_until_empty()
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end(refused_lines=0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_removal(whole_gateway: MakeGateway, moment: str) -> None:
    """Nothing is removed without its line; with the line and not removed, it is on hold and can be again."""
    scene = make_scene(whole_gateway)
    scene.start_with("operator-removed", moment)
    name = f"{submitted(scene)}/{BRINKEN}"
    with pytest.raises(DaemonUnreachable):
        ask(scene, "queue.remove", name)
    scene.see_killed("operator-removed", moment)
    assert len(scene.gateway.lines_of("removed")) == (moment == "after")
    scene.gateway.next_hop.script.answers.clear()
    scene.gateway.start()
    assert states(scene)[BRINKEN] == "held"
    assert ask(scene, "queue.remove", name) == {"changed": 1, "of": 1}
    ask(scene, "queue.retry", "ALL")
    scene.gateway.wait_until_empty()
    assert scene.arrivals() == {LYCKORNA: 1}
    assert len(scene.gateway.lines_of("removed")) == 1 + (moment == "after")
    assert scene.gateway.stop() == 0
    scene.gateway.verify_log()
    scene.see_no_plaintext()
