"""Logins that are refused: a few tell as much as five hundred, and lock nobody out."""

from collections import Counter

from structlog.testing import capture_logs

from rorpost_gateway.imap.base import ImapLoginFailed
from rorpost_gateway.supervision.base import Settings, Watched
from rorpost_gateway.supervision.deadlines import PUNCTUAL_SECONDS, Outcome
from rorpost_gateway.supervision.logins import MOST_REFUSED, PAUSE_SECONDS, Logins
from rorpost_gateway.supervision.visiting import NOT_TRIED
from tests.peers.watched_mailboxes import Store, World, at, watched

WEDNESDAY = "2026-05-06"
REFUSED = ImapLoginFailed("imap.example:143: the server refuses the login")
MANY = tuple(watched(f"rorpost.enhet{number:03}@motala.se", "08:00") for number in range(100))


def refusing(*mailboxes: Watched) -> Store:
    return Store(broken=dict.fromkeys((each.address for each in mailboxes), REFUSED))


def world(*mailboxes: Watched, store: Store, **more: object) -> World:
    return World(mailboxes=mailboxes, now=at(f"{WEDNESDAY} 07:00"), store=store, **more)  # type: ignore[arg-type]


async def test_a_wrong_secret_is_not_tried_on_every_mailbox() -> None:
    made = world(*MANY, store=refusing(*MANY), settings=Settings(connections=20))
    with capture_logs() as said:
        async with made.running():
            assert len(made.store.opened) == MOST_REFUSED
    assert len(said) == MOST_REFUSED, "a line for each that was tried"
    made = world(*MANY, store=refusing(*MANY), settings=Settings(connections=20))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 09:00"))
    assert len(made.store.opened) <= MOST_REFUSED + 2 * 3600 // PAUSE_SECONDS
    assert max(Counter(made.store.opened).values()) == 1, "not the same mailbox again and again"
    assert len(made.lines) == len(MANY)
    assert {line.outcome for line in made.lines} == {Outcome.UNKNOWN}
    assert {line.cause for line in made.lines} <= {REFUSED.public, NOT_TRIED}
    assert PAUSE_SECONDS < PUNCTUAL_SECONDS


async def test_the_right_secret_is_noticed_in_time_for_the_deadline() -> None:
    made = world(*MANY, store=refusing(*MANY), settings=Settings(connections=20))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 07:58"))
        made.store.broken.clear()
        await made.go_to(at(f"{WEDNESDAY} 08:05"))
        assert all(standing.is_up for standing in made.watch.standings)
    assert [line.outcome for line in made.lines] == [Outcome.MET] * len(MANY)
    assert made.store.most_open == 20


async def test_the_right_secret_brings_everybody_back_with_its_next_trial() -> None:
    made = world(*MANY, store=refusing(*MANY))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 07:14"))
        made.store.broken.clear()
        await made.go_to(at(f"{WEDNESDAY} 07:18"))
        assert all(standing.is_up for standing in made.watch.standings)


async def test_mailboxes_that_are_not_there_keep_no_others_from_being_looked_into() -> None:
    """Those that come first are the ones the server does not know."""
    missing, there = MANY[:20], MANY[20:30]
    made = world(*missing, *there, store=refusing(*missing), settings=Settings(connections=3))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 09:00"))
        up = {standing.watched.address for standing in made.watch.standings if standing.is_up}
    assert up == {each.address for each in there}
    met = {line.mailbox for line in made.lines if line.outcome is Outcome.MET}
    assert met == {each.address for each in there}
    tried = Counter(made.store.opened)
    assert all(tried[each.address] >= 5 for each in there), "each round, once one was found"


def test_in_doubt_there_is_a_trial_now_and_then() -> None:
    logins = Logins()
    for number in range(MOST_REFUSED):
        assert logins.may_try(0)
        logins.refused(f"{number}", 0)
    assert not logins.may_try(PAUSE_SECONDS - 1)
    assert logins.may_try(PAUSE_SECONDS)
    assert not logins.may_try(PAUSE_SECONDS), "one at a time"
    assert logins.may_try(-5000), "the clock was put back"
    logins.taken("0")
    assert not logins.in_doubt
    assert not logins.is_refused("0")
    assert logins.is_refused("1")


def test_mailboxes_that_are_always_refused_say_nothing_of_the_secret() -> None:
    logins = Logins()
    for number in range(MOST_REFUSED):
        logins.refused(f"{number}", 0)
        logins.taken("another")
    for number in range(MOST_REFUSED):
        logins.refused(f"{number}", 0)
    assert not logins.in_doubt
    assert logins.places(20) == 20


def test_how_many_at_a_time() -> None:
    logins = Logins()
    assert (logins.places(20), logins.places(2), logins.interval(900)) == (MOST_REFUSED, 2, 900)
    logins.refused("0", 0)
    assert (logins.places(20), logins.places(2)) == (MOST_REFUSED - 1, 2), "those under way count"
    logins.taken("1")
    assert logins.places(20) == 20
    for number in range(MOST_REFUSED):
        logins.refused(f"{number + 2}", 0)
    assert (logins.places(20), logins.interval(900), logins.interval(60)) == (1, PAUSE_SECONDS, 60)
