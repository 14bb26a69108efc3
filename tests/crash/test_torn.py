"""kill -9 in the middle of the log's write: what is whole counts, what is torn is told of."""

from dataclasses import dataclass

import pytest

from tests.crash.scene import BOTH, Scene
from tests.peers.gateway_world import BRINKEN


@dataclass(frozen=True, kw_only=True)
class Case:
    """`whole` are the recipients whose decision line is on disk; `torn` counts the torn lines."""

    cut: str
    whole: tuple[str, ...]
    torn: int


CASES = [
    Case(cut="in-first-line", whole=(), torn=1),
    Case(cut="before-first-newline", whole=(BRINKEN,), torn=0),
    Case(cut="between-lines", whole=(BRINKEN,), torn=0),
    Case(cut="in-second-line", whole=(BRINKEN,), torn=1),
    Case(cut="before-second-newline", whole=BOTH, torn=0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.cut)
def test_a_write_of_two_decisions_is_cut_short(scene: Scene, case: Case) -> None:
    assert scene.play("log-write", case.cut).cut
    scene.settle()
    assert scene.arrivals() == dict.fromkeys(case.whole, 1)
    assert scene.gateway.verify_log().torn == case.torn

    again = scene.repeat()
    assert again.accepted
    assert (again.reason == "duplicate") == (case.whole == BOTH)
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end()


def test_killed_again_while_the_torn_line_is_mended(scene: Scene) -> None:
    assert scene.play("log-write", "in-second-line").cut
    scene.start_with("torn-mended", "in-first-line", wait=False)
    scene.see_killed("torn-mended", "in-first-line")
    scene.settle()
    assert scene.arrivals() == {BRINKEN: 1}
    assert scene.repeat().accepted
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    scene.end()
