"""kill -9 during a start: the first one of all, and one that settles what an earlier kill left over."""

import pytest

from tests.crash.scene import BOTH, Scene

FIRST = [
    ("signing-key", "after"),
    ("verifier-key", "before"),
    ("log-created", "after"),
    ("genesis", "in-first-line"),
    ("genesis", "after"),
    ("queue-schema", "after"),
    ("queue-linked", "before"),
    ("started-logged", "after"),
    ("policy-logged", "after"),
]


@pytest.mark.parametrize(("point", "moment"), FIRST)
def test_a_first_start_that_was_killed_can_be_done_again(scene: Scene, point: str, moment: str) -> None:
    scene.start_with(point, moment, wait=False)
    scene.see_killed(point, moment)
    scene.gateway.start()
    assert scene.repeat().accepted
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    assert len(scene.gateway.lines_of("genesis")) == 1
    scene.end(refused_lines=0)


# (first kill, second kill, in the run that should have settled it; whether the lines are durable)
TWICE = [
    (("pending", "after"), ("pending-removed", "after"), False),
    (("pending", "after"), ("pending-settled", "after"), False),
    (("logged", "after"), ("ready-uncommitted", "after"), True),
    (("logged", "after"), ("pending-settled", "after"), True),
    (("logged", "after"), ("claim", "before"), True),
    (("logged", "after"), ("claim-uncommitted", "after"), True),
    (("logged", "after"), ("claim", "after"), True),
    (("ready", "after"), ("claims-released", "after"), True),
    (("relayed", "after"), ("relayed", "after"), True),
]


@pytest.mark.parametrize(("first", "second", "committed"), TWICE, ids=str)
def test_killed_twice(scene: Scene, first: tuple[str, str], second: tuple[str, str], committed: bool) -> None:
    heard = scene.play(*first)
    assert heard.accepted or heard.cut
    scene.start_with(*second, wait=False)
    scene.see_killed(*second)
    scene.settle()
    came = scene.arrivals()
    assert set(came) == (set(BOTH) if committed else set())
    assert max(came.values(), default=0) <= (3 if first[0] == "relayed" else 1)
    again = scene.repeat()
    assert again.accepted
    assert (again.reason == "duplicate") == committed
    assert scene.arrivals() == (came if committed else dict.fromkeys(BOTH, 1))
    scene.end()
