"""kill -9 between each two steps of pending → logged → ready → answered → relayed → marked.

A fresh copy is claimed as it becomes ready, in one step; `test_starting` has claims of their own.
"""

from dataclasses import dataclass

import pytest

from tests.crash.scene import BOTH, Scene


@dataclass(frozen=True, kw_only=True)
class Case:
    """`committed`: the decision lines are durable. `sent`: copies that came before the kill, at least.

    `twice` is how many copies may come once more after the restart: those that were under way,
    or taken by the next hop and without their line. `heard` is whether the client heard the 250; None
    where scheduling decides.
    """

    point: str
    moment: str
    nth: int = 1
    committed: bool = True
    heard: bool | None = True
    sent: int = 0
    twice: int = 0


CASES = [
    Case(point="pending", moment="before", committed=False, heard=False),
    Case(point="pending-uncommitted", moment="after", committed=False, heard=False),
    Case(point="pending", moment="after", committed=False, heard=False),
    Case(point="logged", moment="before", committed=False, heard=False),
    Case(point="log-write", moment="after", heard=False),
    Case(point="logged", moment="after", heard=False),
    Case(point="ready", moment="before", heard=False),
    Case(point="ready-uncommitted", moment="after", heard=False),
    Case(point="ready", moment="after", heard=False),
    Case(point="answered", moment="before", heard=False),
    Case(point="answer-sent", moment="after", twice=2),
    Case(point="relayed", moment="before", heard=None),
    Case(point="relayed", moment="before", nth=2, heard=None, twice=1),
    Case(point="relayed", moment="after", sent=1, twice=2),
    Case(point="relayed-written", moment="in-first-line", sent=1, twice=2),
    Case(point="relayed-logged", moment="after", sent=1, twice=1),
    Case(point="marked", moment="before", sent=1, twice=1),
    Case(point="marked-uncommitted", moment="after", sent=1, twice=1),
    Case(point="marked", moment="after", sent=1, twice=1),
    Case(point="marked", moment="before", nth=2, sent=2),
    Case(point="marked", moment="after", nth=2, sent=2),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.moment}-{case.point}-{case.nth}")
def test_killed_at(scene: Scene, case: Case) -> None:
    heard = scene.play(case.point, case.moment, case.nth)
    assert case.heard is None or heard.accepted == case.heard
    assert heard.accepted or heard.cut
    assert sum(scene.arrivals().values()) >= case.sent

    scene.settle()
    came = scene.arrivals()
    assert set(came) == (set(BOTH) if case.committed else set())
    assert sum(came.values()) <= (len(BOTH) + case.twice if case.committed else 0)
    assert max(came.values(), default=0) <= 2

    again = scene.repeat()
    assert again.accepted
    assert (again.reason == "duplicate") == case.committed
    if case.committed:
        assert scene.arrivals() == came
        assert heard.queue_id in (None, again.queue_id)
    else:
        assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end()
