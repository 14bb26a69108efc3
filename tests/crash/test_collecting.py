"""kill -9 between each two steps of collecting, from a message in a mailbox to its folder.

fetched → opened → pending → logged → ready → decided → noted in the journal → folder made → moved.
"""

from collections.abc import Iterator

import pytest

from tests.crash.collecting import COLLECTED, CollectingScene, make_collecting_scene, make_many
from tests.crash.collecting_table import CASES, MAILBOXES, REFUSALS, Case, play
from tests.crash.way_in import Brought, make_brought
from tests.peers.authority import Authority
from tests.peers.dovecot import Dovecot, dovecot_over
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.whole_gateway import MakeGateway

MANY = 9


@pytest.fixture(scope="module")
def brought(prepared_keys: PreparedKeys) -> Brought:
    return make_brought(prepared_keys)


@pytest.fixture(scope="module")
def many(prepared_keys: PreparedKeys) -> tuple[bytes, ...]:
    return make_many(prepared_keys, MANY)


@pytest.fixture(scope="module")
def elsewhere(authority: Authority) -> Iterator[tuple[Dovecot, Iterator[str]]]:
    """A server, and mailboxes that nobody has used yet."""
    with dovecot_over(authority, mailboxes=MAILBOXES) as running:
        yield running, iter(MAILBOXES)


@pytest.fixture
def scene(
    whole_gateway: MakeGateway, brought: Brought, elsewhere: tuple[Dovecot, Iterator[str]]
) -> CollectingScene:
    dovecot, mailboxes = elsewhere
    return make_collecting_scene(whole_gateway, brought, dovecot, next(mailboxes))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_at(scene: CollectingScene, case: Case) -> None:
    play(scene, case)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_a_refusal_killed_at(scene: CollectingScene, case: Case) -> None:
    """Nothing is queued, and its sender is told at most once."""
    play(scene, case)


@pytest.mark.parametrize(
    ("point", "nth"), [("collected-noted", 4), ("collected-moved", 1), ("collected-decided", 6)]
)
def test_killed_among_many(scene: CollectingScene, many: tuple[bytes, ...], point: str, nth: int) -> None:
    scene.put(many)
    scene.killed_at(point, "after", nth)
    scene.settle()
    assert scene.there()[COLLECTED] == MANY
    assert len(scene.delivered()) == MANY
    scene.end()
