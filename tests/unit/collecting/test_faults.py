"""Whatever server and network do while mail is collected: nothing lost, nothing twice, and it goes on.

A sound message and one that is refused lie in the mailbox of a server that does one thing wrong;
the way in, its queue and the decision log are the real ones.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rorpost_gateway.errors import QueueFull
from tests.peers.collecting import CollectingHouse
from tests.peers.imap_faults import (
    bye,
    changes,
    cut,
    cut_after_doing,
    drip,
    endless_literal,
    first_says,
    flood,
    half_closed,
    huge_literal,
    nothing,
    refuses,
    says,
    silence,
)
from tests.peers.imap_simulator import CAPABILITIES, GREETING, Fault, Folder, Simulator
from tests.peers.inbound_house import MARKER, InboundHouse

COLLECTED, REFUSED = "Rorpost/Collected", "Rorpost/Refused"
POLLED = CAPABILITIES.replace("IDLE ", "")


@pytest.fixture
async def scene(way_in: InboundHouse, imap_simulator: Simulator) -> AsyncIterator[CollectingHouse]:
    """Two messages; without IDLE, so that nothing is waited for."""
    imap_simulator.capabilities = POLLED
    imap_simulator.inbox.add(way_in.partner.message())
    imap_simulator.inbox.add(way_in.partner.message(Importance="high"))
    async with CollectingHouse(way_in, imap_simulator.account()) as made:
        yield made


async def see_that_the_books_balance(scene: CollectingHouse, simulator: Simulator) -> None:
    """Go on until all is settled, and see that each message is where it belongs, and once."""
    await scene.until(lambda: not simulator.inbox.messages and scene.collector.figures.up)
    assert len(simulator.folders[COLLECTED].messages) == 1
    assert len(simulator.folders[REFUSED].messages) == 1
    assert not any(
        stored.flags for name in (COLLECTED, REFUSED) for stored in simulator.folders[name].messages.values()
    )
    [copy] = await scene.house.copies()
    assert copy.recipient == scene.collector.source.recipient
    decided = scene.decided()
    assert decided.count("ok") == 1
    assert set(decided) <= {"ok", "urgent", "duplicate"}
    assert MARKER not in repr(scene.logs)


IN_EVERY_STATE = [
    *((GREETING, 0), ("LOGIN", 0), ("SELECT", 0), ("SEARCH", 0)),
    *(("FETCH", before) for before in range(3)),  # the sizes, and each message
    *(("STATUS", before) for before in range(1)),
    ("CREATE", 0),
    *(("MOVE", before) for before in range(2)),
    ("NOOP", 0),
]
KINDS = {"cut": cut, "half-closed": half_closed, "BYE": bye}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "before"), IN_EVERY_STATE)
async def test_a_connection_that_ends_in_any_state(
    scene: CollectingHouse, imap_simulator: Simulator, command: str, before: int, kind: str
) -> None:
    imap_simulator.on(command, *[nothing()] * before, KINDS[kind]())
    await scene.until(lambda: scene.failures)
    assert scene.failures == ["ImapUnavailable"]
    await scene.until(lambda: scene.events("reconnecting"))
    await see_that_the_books_balance(scene, imap_simulator)
    assert imap_simulator.connections == 2


@pytest.mark.parametrize("before", [0, 1])
async def test_a_move_that_was_done_and_not_heard_of(
    scene: CollectingHouse, imap_simulator: Simulator, before: int
) -> None:
    imap_simulator.on("MOVE", *[nothing()] * before, cut_after_doing())
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.decided().count("duplicate") == 0
    assert scene.failures == ["ImapUnavailable"]


async def test_without_move_a_copy_that_was_made_and_not_heard_of(
    scene: CollectingHouse, imap_simulator: Simulator
) -> None:
    """COPY is not one step with EXPUNGE: the copy may be there twice, delivered it is once."""
    imap_simulator.capabilities = POLLED.replace("MOVE ", "")
    imap_simulator.on("COPY", cut_after_doing())
    await scene.until(lambda: not imap_simulator.inbox.messages)
    copies = [stored.octets for stored in imap_simulator.folders[COLLECTED].messages.values()]
    assert (len(copies), len(set(copies))) == (2, 1)
    assert scene.decided().count("ok") == 1
    assert len(await scene.house.copies()) == 1


async def test_neither_move_nor_uidplus(scene: CollectingHouse, imap_simulator: Simulator) -> None:
    """Nothing is expunged by the way: all stays, decided once, and the operator hears of it."""
    imap_simulator.capabilities = POLLED.replace("MOVE ", "").replace("UIDPLUS ", "")
    await scene.until(lambda: len(scene.events("collected-not-moved")) >= 3)
    assert sorted(scene.decided()) == ["ok", "urgent"]
    assert len(imap_simulator.inbox.messages) == 2
    assert not any(stored.flags for stored in imap_simulator.inbox.messages.values())
    assert not scene.collector.figures.up
    imap_simulator.on("NOOP", cut())
    imap_simulator.capabilities = POLLED
    await see_that_the_books_balance(scene, imap_simulator)


@pytest.mark.parametrize(
    "fault",
    [
        endless_literal(b"* 2 FETCH (UID 2 BODY[] "),
        huge_literal(),
        flood(),
        drip(),
        silence(),
        says(b"* 1 FETCH (UID 1 BODY[] (\xff \xfe))\r\n", b"%s OK done\r\n"),
        says(b"\0\xff garbage without sense\r\n" * 3),
    ],
    ids=["a literal that never ends", "100 MB", "a flood", "a drip", "silence", "a list", "garbage"],
)
@pytest.mark.parametrize("before", [0, 1], ids=["at the sizes", "at a message"])
async def test_a_fetch_that_is_answered_badly(
    scene: CollectingHouse, imap_simulator: Simulator, fault: Fault, before: int
) -> None:
    imap_simulator.on("FETCH", *[nothing()] * before, fault)
    await scene.until(lambda: scene.failures)
    if scene.failures[0] == "ImapTooLarge" and before:
        # What its server announced as 100 MB is refused, unfetched: nothing is lost, it lies in Refused.
        await scene.until(lambda: not imap_simulator.inbox.messages)
        assert sorted(scene.decided()) == ["message-too-large", "urgent"]
        assert len(imap_simulator.folders[REFUSED].messages) == 2
        return
    await see_that_the_books_balance(scene, imap_simulator)


async def test_a_server_that_lies_about_exists(scene: CollectingHouse, imap_simulator: Simulator) -> None:
    for command in ("SELECT", "SEARCH", "FETCH", "MOVE"):
        imap_simulator.on(command, first_says(b"* 4294967295 EXISTS\r\n* 9 RECENT\r\n"))
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.failures == []


async def test_a_server_that_names_messages_that_are_not_there(
    scene: CollectingHouse, imap_simulator: Simulator
) -> None:
    imap_simulator.on("SEARCH", says(b"* ESEARCH UID ALL 1:2,7,4294967295\r\n%s OK done\r\n"))
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.failures == []


@pytest.mark.parametrize("before", [0, 1], ids=["at the sizes", "at a message"])
async def test_a_server_that_tells_nothing(
    scene: CollectingHouse, imap_simulator: Simulator, before: int
) -> None:
    """As if the message had gone; but it is there at the next look, and the metric says so until then."""
    imap_simulator.on("FETCH", *[nothing()] * before, says(b"%s OK done\r\n"))
    await scene.until(lambda: imap_simulator.asked("NOOP"))
    assert not scene.collector.figures.up
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.failures == []


async def test_a_server_that_tells_another_message(scene: CollectingHouse, imap_simulator: Simulator) -> None:
    """Asked for one UID, it tells of another: that is not taken for the one."""
    octets = imap_simulator.inbox.messages[2].octets
    told = b"* 2 FETCH (UID 2 BODY[] {%d}\r\n%s)\r\n" % (len(octets), octets)
    imap_simulator.on("FETCH", nothing(), says(told, b"%s OK done\r\n"))
    await see_that_the_books_balance(scene, imap_simulator)


async def test_logins_that_fail_are_tried_again_slowly(
    scene: CollectingHouse, imap_simulator: Simulator
) -> None:
    imap_simulator.on("AUTHENTICATE", *[refuses("[AUTHENTICATIONFAILED] no")] * 3)
    imap_simulator.on("LOGIN", *[refuses("[AUTHENTICATIONFAILED] no")] * 3)
    await scene.until(lambda: scene.failures)
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.failures == ["ImapLoginFailed"] * 3
    assert min(scene.pauses[:3]) >= 60  # an account must not be locked by our own doing
    assert {each["log_level"] for each in scene.events("collecting-failed")} == {"error"}
    assert "throw-away" not in repr(scene.logs)


async def test_a_folder_that_disappears_and_comes_back(
    scene: CollectingHouse, imap_simulator: Simulator
) -> None:
    inbox = imap_simulator.folders.pop("INBOX")
    await scene.until(lambda: len(scene.failures) >= 2)
    assert set(scene.failures) == {"ImapFolderMissing"}
    assert not scene.collector.figures.up
    imap_simulator.folders["INBOX"] = inbox
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.pauses[:2] == [1.0, 2.0]


async def test_a_mailbox_over_quota(scene: CollectingHouse, imap_simulator: Simulator) -> None:
    """What was taken is delivered all the same; it is moved when there is room."""
    imap_simulator.on("MOVE", *[refuses("[OVERQUOTA] full")] * 5)
    await scene.until(lambda: scene.events("collected-not-moved"))
    assert not scene.collector.figures.up
    assert len(await scene.house.copies()) == 1
    await see_that_the_books_balance(scene, imap_simulator)
    assert scene.failures == []
    assert sorted(scene.decided()) == ["ok", "urgent"]


@pytest.mark.parametrize("command", ["MOVE", "NOOP"])
async def test_uids_that_are_others_all_at_once(
    scene: CollectingHouse, imap_simulator: Simulator, command: str
) -> None:
    """The journal's rows name nothing any more: the way in itself knows what it has taken."""
    messages = [stored.octets for stored in imap_simulator.inbox.messages.values()]

    def renumber(simulator: Simulator) -> None:
        simulator.folders["INBOX"] = Folder(uid_validity=99, uid_next=1000)
        for octets in messages:
            simulator.inbox.add(octets)
        simulator.folders.pop(COLLECTED, None)
        simulator.folders.pop(REFUSED, None)

    imap_simulator.on(command, changes(renumber), cut())
    imap_simulator.on("SEARCH", nothing(), cut())
    await scene.until(lambda: scene.events("uid-validity-changed"))
    await see_that_the_books_balance(scene, imap_simulator)
    assert sorted(scene.decided()) == ["duplicate", "ok", "urgent", "urgent"]
    assert len(scene.told.told) == 1


async def test_a_queue_that_is_full_takes_it_later(scene: CollectingHouse, imap_simulator: Simulator) -> None:
    house = scene.house
    house.faults["insert_pending"] = QueueFull("full")
    await scene.until(lambda: scene.counted().get("deferred"))
    assert await house.copies() == []
    assert len(imap_simulator.folders.get(REFUSED, Folder()).messages) <= 1
    del house.faults["insert_pending"]
    await scene.until(lambda: not imap_simulator.inbox.messages)
    assert len(await house.copies()) == 1
    assert scene.decided().count("ok") == 1


async def test_mail_that_comes_while_idle_is_collected_at_once(
    way_in: InboundHouse, imap_simulator: Simulator
) -> None:
    async with CollectingHouse(way_in, imap_simulator.account()) as scene:
        await scene.until(lambda: imap_simulator.asked("IDLE"))
        await imap_simulator.arrive(way_in.partner.message())
        await scene.until(lambda: COLLECTED in imap_simulator.folders)
        await scene.until(lambda: imap_simulator.folders[COLLECTED].messages)
        assert scene.failures == []
        assert scene.pauses in ([], [1.0])


async def test_an_orderly_end_is_between_two_messages(
    scene: CollectingHouse, imap_simulator: Simulator
) -> None:
    """What is being decided is decided and noted; the next start only moves it."""
    reached = asyncio.Event()
    scene.house.before["insert_pending"] = lambda: _reach(reached)
    scene.start()
    async with asyncio.timeout(5):
        await reached.wait()
    await scene.stop()
    assert scene.decided().count("ok") == 1
    assert len(imap_simulator.inbox.messages) == 2
    assert "duplicate" not in scene.decided()
    await see_that_the_books_balance(scene, imap_simulator)
    assert "duplicate" not in scene.decided()


async def _reach(event: asyncio.Event) -> None:
    event.set()
