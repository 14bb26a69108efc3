"""kill -9 around a refusal and a duplicate: neither is relayed, and repeated each is answered so again."""

import pytest

from tests.crash.scene import BOTH, REFUSED, Scene
from tests.peers.submitting import submit


@pytest.mark.parametrize(
    ("point", "moment", "lines"),
    [
        ("refusal-logged", "before", 0),
        ("refusal-logged", "after", 2),
        ("refusal-answered", "before", 2),
        ("refusal-answered", "after", 2),
    ],
)
def test_a_refusal_that_was_not_heard(scene: Scene, point: str, moment: str, lines: int) -> None:
    scene.start_with(point, moment)
    with scene.gateway.connect() as client:
        heard = submit(client, REFUSED, recipients=BOTH)
        scene.see_killed(point, moment)
        client.close()
    assert heard.cut
    scene.settle()
    assert len(scene.gateway.lines_of("decision")) == lines
    assert not scene.gateway.queue_rows()
    assert scene.gateway.submit(REFUSED, recipients=BOTH).reason == "urgent"
    assert not scene.gateway.next_hop.connections
    scene.end(refused_lines=lines + 2)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_duplicate_that_was_not_heard_is_one_again(scene: Scene, moment: str) -> None:
    scene.start_with("duplicate-logged", moment)
    heard = scene.submit()
    assert heard.reason == "ok"
    scene.gateway.wait_until_empty()
    assert scene.submit().cut
    scene.see_killed("duplicate-logged", moment)
    scene.settle()
    again = scene.repeat()
    assert (again.reason, again.queue_id) == ("duplicate", heard.queue_id)
    assert len(scene.gateway.lines_of("decision", reason="duplicate")) == len(BOTH) * (
        2 if moment == "after" else 1
    )
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end(refused_lines=0)
