"""kill -9 around a refusal: it is never relayed, and repeated it is refused again."""

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
