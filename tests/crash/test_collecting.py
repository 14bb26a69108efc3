"""kill -9 between each two steps of collecting, from a message in a mailbox to its folder.

fetched → opened → pending → logged → ready → decided → noted in the journal → folder made → moved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.crash.collecting import COLLECTED, REFUSED, CollectingScene, make_collecting_scene, make_many
from tests.crash.way_in import Brought, make_brought
from tests.peers.authority import Authority
from tests.peers.dovecot import Dovecot, dovecot_over
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.whole_gateway import MakeGateway

MANY = 9
_MAILBOXES = tuple(f"post{number}@partner.se" for number in range(60))


@pytest.fixture(scope="module")
def brought(prepared_keys: PreparedKeys) -> Brought:
    return make_brought(prepared_keys)


@pytest.fixture(scope="module")
def many(prepared_keys: PreparedKeys) -> tuple[bytes, ...]:
    return make_many(prepared_keys, MANY)


@pytest.fixture(scope="module")
def elsewhere(authority: Authority) -> Iterator[tuple[Dovecot, Iterator[str]]]:
    """A server, and mailboxes that nobody has used yet."""
    with dovecot_over(authority, mailboxes=_MAILBOXES) as running:
        yield running, iter(_MAILBOXES)


@pytest.fixture
def scene(
    whole_gateway: MakeGateway, brought: Brought, elsewhere: tuple[Dovecot, Iterator[str]]
) -> CollectingScene:
    dovecot, mailboxes = elsewhere
    return make_collecting_scene(whole_gateway, brought, dovecot, next(mailboxes))


@dataclass(frozen=True, kw_only=True)
class Case:
    """`decided`: a decision line of the first run is durable, so that the second run finds a duplicate,
    unless the journal has it (`noted`). `moved`: it lies in its folder while the daemon is dead.
    """

    point: str
    moment: str
    decided: bool = True
    noted: bool = True
    moved: bool = False

    def __str__(self) -> str:
        return f"{self.moment}-{self.point}"


CASES = [
    Case(point="collected-fetched", moment="before", decided=False, noted=False),
    Case(point="collected-fetched", moment="after", decided=False, noted=False),
    Case(point="opened", moment="after", decided=False, noted=False),
    Case(point="pending", moment="after", decided=False, noted=False),
    Case(point="logged", moment="after", noted=False),
    Case(point="ready", moment="after", noted=False),
    Case(point="collected-decided", moment="after", noted=False),
    Case(point="collected-noted-uncommitted", moment="after", noted=False),
    Case(point="collected-noted", moment="after"),
    Case(point="collected-folder", moment="before"),
    Case(point="collected-folder", moment="after"),
    Case(point="collected-moved", moment="before"),
    Case(point="collected-moved", moment="after", moved=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_at(scene: CollectingScene, case: Case) -> None:
    scene.put([scene.brought.sealed])
    scene.killed_at(case.point, case.moment)
    assert scene.there()[COLLECTED] == case.moved
    scene.settle()
    duplicates = scene.gateway.lines_of("decision", reason="duplicate")
    assert len(duplicates) == (case.decided and not case.noted)
    assert len(scene.delivered()) == 1
    scene.end()


# Of a refused message: nothing is queued, and its sender is told at most once.
REFUSALS = [
    Case(point="collected-decided", moment="before", decided=False, noted=False),
    Case(point="refusal-logged", moment="after", noted=False),
    Case(point="collected-decided", moment="after", noted=False),
    Case(point="collected-noted", moment="after"),
    Case(point="collected-moved", moment="after", moved=True),
]


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_a_refusal_killed_at(scene: CollectingScene, case: Case) -> None:
    scene.put([scene.brought.refused])
    scene.killed_at(case.point, case.moment)
    assert scene.there()[REFUSED] == case.moved
    scene.settle()
    assert scene.told() <= 1
    scene.end(refused_lines=1 + (case.decided and not case.noted))


@pytest.mark.parametrize(
    ("point", "nth"), [("collected-noted", 4), ("collected-moved", 5), ("collected-decided", 6)]
)
def test_killed_among_many(scene: CollectingScene, many: tuple[bytes, ...], point: str, nth: int) -> None:
    scene.put(many)
    scene.killed_at(point, "after", nth)
    scene.settle()
    assert scene.there()[COLLECTED] == MANY
    assert len(scene.delivered()) == MANY
    scene.end()
