"""The watch over a server that does what no real one would: the cause in the line, and recovery by itself.

The session is the gateway's own. What each fault does to it, is tested with the session.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.supervision.deadlines import Outcome
from tests.peers.imap_faults import (
    bye,
    changes,
    cut,
    drip,
    endless_literal,
    first_says,
    flood,
    half_closed,
    huge_literal,
    refuses,
    says,
    silence,
)
from tests.peers.imap_simulator import GREETING, USERNAME, Fault, Folder, Given, Simulator
from tests.peers.watched_mailboxes import World, at, watched

DAY = "2026-05-06"
PATIENCE_SECONDS = 0.2
PLACES = ("LOGIN", "NAMESPACE", "EXAMINE", "SEARCH", "FETCH")


def message(number: int = 1) -> bytes:
    return f"Message-ID: <{number}@x.se>\r\n\r\nwords\r\n".encode()


def make_world(simulator: Simulator, *, patience: float = PATIENCE_SECONDS, read_at: str = "08:00") -> World:
    mailbox = watched(USERNAME, read_at, account=simulator.account(Given()))
    return World(
        mailboxes=(mailbox,),
        now=at(f"{DAY} 07:00"),
        known={"<1@x.se>"},
        sessions=ImapSessions(timeout_seconds=patience),
    )


@asynccontextmanager
async def running(simulator: Simulator) -> AsyncIterator[World]:
    """A watch that has looked once and found one message, read and known."""
    simulator.inbox.add(message(), flags={"\\Seen"}, arrived_at=at(f"{DAY} 06:00"))
    world = make_world(simulator)
    async with world.running():
        assert world.watch.standings[0].is_up
        yield world


def cause_of(world: World) -> str:
    return world.watch.standings[0].fault or ""


FAULTS: dict[str, Callable[[], Fault]] = {
    "cut": cut,
    "half closed": half_closed,
    "BYE": bye,
    "garbage": lambda: says(b"\xff\x00 garbage {}{}\r\n"),
    "flood": flood,
}
# Too much at FETCH is asked for again at once, in smaller pieces.
EACH_AT_EACH = [
    pytest.param(place, fault, id=f"{name} at {place}")
    for place in (GREETING, *PLACES)
    for name, fault in FAULTS.items()
    if (name, place) != ("flood", "FETCH")
]


@pytest.mark.parametrize(("place", "fault"), EACH_AT_EACH)
async def test_a_fault_at_the_deadline_is_looked_at_again_and_costs_nothing(
    imap_simulator: Simulator, place: str, fault: Callable[[], Fault]
) -> None:
    async with running(imap_simulator) as world:
        await world.go_to(at(f"{DAY} 07:59"))
        imap_simulator.inbox.add(message(), flags={"\\Seen"}, arrived_at=at(f"{DAY} 07:58"))
        imap_simulator.on(place, fault())
        await world.go_to(at(f"{DAY} 08:00"))
        assert not world.lines
        assert cause_of(world).isascii()
        assert cause_of(world)
        await world.go_to(at(f"{DAY} 08:01"))
        assert world.watch.standings[0].is_up
    (line,) = world.lines
    assert (line.outcome, line.in_inbox, line.unread, line.foreign) == (Outcome.MET, 2, 0, 0)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(silence, id="silence"),
        pytest.param(drip, id="drip"),
        pytest.param(flood, id="flood"),
        pytest.param(lambda: endless_literal(b"* 1 FETCH (UID 2 BODY[HEADER.FIELDS (X)] "), id="no end"),
        pytest.param(lambda: huge_literal(beginning=b"* 1 FETCH (UID 2 BODY[] "), id="100 MB"),
        pytest.param(lambda: says(b"* 2 FETCH (UID 2 FLAGS (\r\n%s OK x\r\n"), id="half a list"),
        pytest.param(
            lambda: says(b'* 2 FETCH (UID 2 FLAGS () INTERNALDATE "x" RFC822.SIZE 1)\r\n%s OK x\r\n'),
            id="no date",
        ),
    ],
)
async def test_a_message_that_is_told_of_wrongly(
    imap_simulator: Simulator, fault: Callable[[], Fault]
) -> None:
    async with running(imap_simulator) as world:
        imap_simulator.inbox.add(message(), flags={"\\Seen"}, arrived_at=at(f"{DAY} 07:00"))
        imap_simulator.on("FETCH", fault())
        await world.go_to(at(f"{DAY} 07:15"))
        await world.go_to(at(f"{DAY} 08:00"))
    (line,) = world.lines
    assert (line.outcome, line.in_inbox, line.foreign) == (Outcome.MET, 2, 0)


@pytest.mark.parametrize("exists", [0, 5, 4_000_000_000])
async def test_a_server_that_lies_about_exists_is_not_believed(
    imap_simulator: Simulator, exists: int
) -> None:
    async with running(imap_simulator) as world:
        imap_simulator.on("SEARCH", first_says(b"* %d EXISTS\r\n" % exists))
        imap_simulator.on("EXAMINE", says(b"* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n%%s OK x\r\n" % exists))
        await world.go_to(at(f"{DAY} 08:00"))
    (line,) = world.lines
    assert line.in_inbox in (1, None)
    assert line.outcome in (Outcome.MET, Outcome.UNKNOWN)
    assert world.watch.standings[0].contents is not None


async def test_a_server_that_tells_of_messages_nobody_asked_for(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        imap_simulator.inbox.add(message(), flags={"\\Seen"}, arrived_at=at(f"{DAY} 07:00"))
        told = b'* 9 FETCH (UID 9 FLAGS () INTERNALDATE "06-May-2026 06:00:00 +0000" RFC822.SIZE 1)\r\n'
        imap_simulator.on("FETCH", first_says(told * 3))
        await world.go_to(at(f"{DAY} 08:00"))
    assert (world.lines[0].in_inbox, world.lines[0].unread) == (2, 0)


async def test_another_uidvalidity_between_two_looks(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        imap_simulator.inbox.uid_validity = 2
        imap_simulator.inbox.messages[1].octets = message(2)
        imap_simulator.inbox.messages[1].arrived_at = at(f"{DAY} 05:00")
        await world.go_to(at(f"{DAY} 08:00"))
    (line,) = world.lines
    assert (line.in_inbox, line.foreign, line.oldest) == (1, 1, at(f"{DAY} 05:00"))


async def test_a_folder_that_goes_away_while_it_is_open(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        await world.go_to(at(f"{DAY} 07:59"))
        imap_simulator.on("EXAMINE", refuses("[NONEXISTENT] no such folder"))
        await world.go_to(at(f"{DAY} 08:00"))
        assert "folder" in cause_of(world)
        await world.go_to(at(f"{DAY} 08:01"))
    assert world.lines[0].outcome is Outcome.MET


async def test_a_sent_folder_that_goes_away_is_nothing_to_look_into(imap_simulator: Simulator) -> None:
    imap_simulator.folders["Skickat"] = Folder(uid_validity=3)
    imap_simulator.folders["Skickat"].add(message(), arrived_at=at(f"{DAY} 06:00"))
    imap_simulator.sent = "Skickat"
    async with running(imap_simulator) as world:
        contents = world.watch.standings[0].contents
        assert contents is not None
        assert contents.sent is not None
        assert contents.sent.messages == 1
        del imap_simulator.folders["Skickat"]
        await world.go_to(at(f"{DAY} 08:00"))
    assert (world.lines[0].outcome, world.lines[0].in_sent) == (Outcome.MET, None)


async def test_messages_that_go_while_they_are_asked_about(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        for _ in range(3):
            imap_simulator.inbox.add(message(), arrived_at=at(f"{DAY} 07:00"))
        imap_simulator.on("FETCH", changes(lambda simulator: simulator.inbox.messages.pop(2) and None))
        await world.go_to(at(f"{DAY} 07:15"))
        contents = world.watch.standings[0].contents
        assert contents is not None
        assert (contents.inbox.messages, contents.inbox.unread) == (3, 2)
        await world.go_to(at(f"{DAY} 08:00"))
    assert (world.lines[0].outcome, world.lines[0].in_inbox, world.lines[0].unread) == (Outcome.MISSED, 3, 2)


async def test_a_login_that_fails_is_not_repeated_at_once(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        await world.go_to(at(f"{DAY} 07:59"))
        before = imap_simulator.connections
        imap_simulator.on("LOGIN", *[refuses("[AUTHENTICATIONFAILED] no")] * 2)
        await world.go_to(at(f"{DAY} 08:10"))
        assert imap_simulator.connections == before + 1
        assert (world.lines[0].outcome, world.lines[0].cause) == (Outcome.UNKNOWN, cause_of(world))
        await world.go_to(at(f"{DAY} 08:30"))
        assert world.watch.standings[0].is_up
    assert len(world.lines) == 1


async def test_a_server_that_is_away_over_the_deadline_is_unknown_and_said_once(
    imap_simulator: Simulator,
) -> None:
    async with running(imap_simulator) as world:
        await world.go_to(at(f"{DAY} 07:59"))
        imap_simulator.on(GREETING, *[cut()] * 11)
        await world.go_to(at(f"{DAY} 08:06"))
        (line,) = world.lines
        await world.go_to(at(f"{DAY} 09:00"))
        assert world.watch.standings[0].is_up
    assert (line.outcome, line.unread, line.in_inbox) == (Outcome.UNKNOWN, None, None)
    assert line.cause is not None
    assert len(world.lines) == 1


async def test_nothing_is_asked_that_could_change_a_mailbox(imap_simulator: Simulator) -> None:
    async with running(imap_simulator) as world:
        await world.go_to(at(f"{DAY} 09:00"))
    asked = {command[0] for command in imap_simulator.commands}
    assert asked <= {"CAPABILITY", "LOGIN", "NAMESPACE", "LIST", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"}
    fetched = {command[-1] for command in imap_simulator.asked("FETCH")}
    assert fetched
    assert all("BODY[" not in items.replace("BODY.PEEK[", "") for items in fetched)
