"""kill -9 between each two steps of the way in, from a partner's sealed message to its one file.

opened → pending → logged → ready → answered → opened again, or still open → delivered
(before and after the file has its name) → logged as delivered → finished.
"""

from dataclasses import dataclass

import pytest

from tests.crash.way_in import Brought, WayIn, make_brought, make_way_in
from tests.peers.dovecot import Dovecot, without_trace
from tests.peers.gateway_world import HOME_CARE
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.whole_gateway import MakeGateway


@pytest.fixture(scope="module")
def brought(prepared_keys: PreparedKeys) -> Brought:
    """Sealed once; each gateway sees it for the first time."""
    return make_brought(prepared_keys)


@pytest.fixture
def way_in(whole_gateway: MakeGateway, brought: Brought) -> WayIn:
    return make_way_in(whole_gateway, brought)


@dataclass(frozen=True, kw_only=True)
class Case:
    """`committed`: the decision line is durable. `heard`: whether the partner heard the 250; None where
    scheduling decides. `there`: how many files a reader finds while the daemon is dead.
    """

    point: str
    moment: str
    nth: int = 1
    committed: bool = True
    heard: bool | None = True
    there: int = 0


CASES = [
    Case(point="opened", moment="before", nth=2, committed=False, heard=False),  # the first is refused
    Case(point="opened", moment="after", nth=2, committed=False, heard=False),
    Case(point="pending", moment="before", committed=False, heard=False),
    Case(point="pending-uncommitted", moment="after", committed=False, heard=False),
    Case(point="pending", moment="after", committed=False, heard=False),
    Case(point="logged", moment="before", committed=False, heard=False),
    Case(point="log-write", moment="in-first-line", committed=False, heard=False),
    Case(point="log-write", moment="after", heard=False),
    Case(point="logged", moment="after", heard=False),
    Case(point="ready", moment="before", heard=False),
    Case(point="ready-uncommitted", moment="after", heard=False),
    Case(point="ready", moment="after", heard=False),
    Case(point="answered", moment="before", heard=False),
    Case(point="opened-again", moment="before", heard=None),
    Case(point="opened-again", moment="after", heard=None),
    Case(point="deliver", moment="before", heard=None),
    Case(point="deliver-written", moment="before", heard=None),
    Case(point="deliver-written", moment="after", heard=None),
    Case(point="deliver-synced", moment="before", there=1),
    Case(point="deliver", moment="after", there=1),
    Case(point="delivered-written", moment="in-first-line", there=1),
    Case(point="delivered-logged", moment="after", there=1),
    Case(point="marked", moment="before", there=1),
    Case(point="marked-uncommitted", moment="after", there=1),
    Case(point="marked", moment="after", there=1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.moment}-{case.point}")
def test_killed_at(way_in: WayIn, case: Case) -> None:
    heard = way_in.play(case.point, case.moment, case.nth)
    assert case.heard is None or heard.accepted == case.heard
    assert heard.accepted or heard.cut
    assert len(way_in.delivered()) == case.there

    way_in.settle()
    assert len(way_in.delivered()) == case.committed

    again = way_in.repeat()
    assert again.accepted
    assert (again.reason == "duplicate") == case.committed
    assert heard.queue_id in (None, again.queue_id)
    assert len(way_in.delivered()) == 1
    way_in.end()


def test_killed_as_the_answer_is_sent(way_in: WayIn) -> None:
    """The delivery has begun by then: whether it had ended, scheduling decides."""
    heard = way_in.play("answer-sent", "after")
    assert heard.accepted or heard.cut
    way_in.settle()
    assert way_in.repeat().reason == "duplicate"
    assert len(way_in.delivered()) == 1
    way_in.end()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_refusal_that_was_not_heard(way_in: WayIn, moment: str) -> None:
    way_in.start_with("refusal-logged", moment)
    with way_in.connect() as partner:
        assert way_in.bring_refused(partner).cut
        way_in.see_killed("refusal-logged", moment)
        partner.close()
    way_in.settle()
    lines = len(way_in.gateway.lines_of("decision"))
    assert lines == (moment == "after")
    with way_in.connect() as partner:
        assert way_in.bring_refused(partner).reason == "urgent"
    assert way_in.repeat().reason == "ok"
    way_in.end(refused_lines=lines + 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("logged", "after"), ("pending-settled", "after")),
        (("logged", "after"), ("claim", "before")),
        (("logged", "after"), ("claim", "after")),
        (("pending", "after"), ("pending-removed", "after")),
        (("deliver-written", "after"), ("deliver-synced", "before")),
        (("deliver", "after"), ("deliver", "after")),
    ],
    ids=str,
)
def test_killed_twice(way_in: WayIn, first: tuple[str, str], second: tuple[str, str]) -> None:
    way_in.play(*first)
    way_in.start_with(*second, wait=False)
    way_in.see_killed(*second)
    way_in.settle()
    committed = first[0] != "pending"
    assert len(way_in.delivered()) == committed
    assert (way_in.repeat().reason == "duplicate") == committed
    assert len(way_in.delivered()) == 1
    way_in.end()


def test_what_was_read_before_the_next_start_is_not_delivered_again(way_in: WayIn) -> None:
    assert way_in.play("deliver", "after").accepted
    [path] = way_in.gateway.notices(HOME_CARE)
    read = path.rename(path.parents[1] / "cur" / f"{path.name}:2,S")
    way_in.settle()
    assert way_in.gateway.notices(HOME_CARE) == [read]
    assert len(way_in.gateway.lines_of("delivered")) == 1


def test_a_mail_store_that_took_it_before_the_kill_may_have_it_twice_and_the_same(
    whole_gateway: MakeGateway, brought: Brought, dovecot: Dovecot
) -> None:
    """LMTP has no name for a delivery: what its answer was heard of by nobody is given to it again.

    Both are the same message octet by octet, with the same Message-ID and the same decision.
    """
    before = len(dovecot.files(HOME_CARE))
    delivery = {"method": "lmtp", "maildir": None, "lmtp": {"socket": str(dovecot.socket)}}
    way_in = make_way_in(whole_gateway, brought, {"delivery": delivery})
    assert way_in.play("relayed", "after").accepted
    way_in.settle()
    assert way_in.repeat().reason == "duplicate"
    assert way_in.gateway.stop() == 0
    way_in.gateway.verify_log()
    way_in.see_no_plaintext()
    new = dovecot.fetched(HOME_CARE)[before:]
    assert len(new) == 2
    assert len({without_trace(octets) for octets in new}) == 1
    assert len(way_in.gateway.lines_of("delivered")) == 1
