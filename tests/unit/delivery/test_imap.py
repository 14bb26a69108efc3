"""Delivery over IMAP to a server that fails in every way it can: once, or not yet, but never twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from rorpost_gateway.delivery.appending import Appender
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.delivery.imap import ImapMailboxes
from rorpost_gateway.delivery.kept_sessions import IDLE_SECONDS, MOST_KEPT, KeptSessions
from rorpost_gateway.imap.base import ImapTls, Sessions
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.imap_faults import (
    bye,
    cut,
    cut_after_doing,
    flood,
    half_closed,
    refuses,
    says,
    silence,
)
from tests.peers.imap_simulator import GREETING, LITERAL, USERNAME, Fault, Simulator, simulating

NOW = 1_777_000_000.0
BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
MESSAGE = b"From: a@b\r\nMessage-ID: <a@b>\r\n\r\nHej\r\n"
PATIENCE_SECONDS = 0.2


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[Simulator]:
    async with simulating(authority, tls=ImapTls.OFF) as running:
        yield running


def delivery(server: Simulator, sessions: Sessions | None = None) -> ImapMailboxes:
    return ImapMailboxes(
        Appender(sessions or ImapSessions(timeout_seconds=PATIENCE_SECONDS), hostname="gw.motala.se"),
        account_for=lambda mailbox: server.account(username=mailbox),
        folder="INBOX",
        now=lambda: NOW,
        tried_within=timedelta(days=2),
    )


async def deliver(to: ImapMailboxes, unique: str = "q.1") -> DeliveryOutcome:
    return await to.deliver(USERNAME, MESSAGE, reverse_path=BRINKEN, unique=unique)


FAULTS: dict[str, Callable[[], Fault]] = {
    "cut": cut,
    "half closed": half_closed,
    "bye": bye,
    "silence": silence,
    "flood": flood,
    "nonsense": lambda: says(b"%s MAYBE\r\n"),
}
PLACES = (GREETING, "LOGIN", "EXAMINE", "SEARCH", "APPEND")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_at_any_step_waits_and_leaves_one_message(
    server: Simulator, fault: str, place: str
) -> None:
    server.on(place, FAULTS[fault]())
    outcome = await deliver(delivery(server))
    assert isinstance(outcome, DeferredDelivery), outcome
    assert outcome.reply.startswith("4.")
    assert outcome.next_hop == f"127.0.0.1:{server.port}"
    assert isinstance(await deliver(delivery(server)), Delivered)
    assert len(server.inbox.messages) == 1


async def test_an_append_that_was_not_heard_of_is_found(server: Simulator) -> None:
    server.on("APPEND", cut_after_doing())
    assert isinstance(await deliver(delivery(server)), DeferredDelivery)
    outcome = await deliver(delivery(server))
    assert outcome.reply == "2.0.0 in the folder already"
    assert len(server.inbox.messages) == len(server.asked("APPEND")) == 1


@pytest.mark.parametrize(
    ("said", "kind", "reply"),
    [
        ("[OVERQUOTA] full", DeferredDelivery, "4.2.2 the mailbox is over quota"),
        ("[LIMIT] enough", DeferredDelivery, "4.2.2 the mailbox has reached a limit of its server"),
        ("[TRYCREATE] gone", DeferredDelivery, "4.2.0 the folder is not there"),
        ("[NOPERM] no", DeferredDelivery, "4.2.1 the folder may not be written"),
        ("[SERVERBUG] oops", DeferredDelivery, "4.2.0 the server did not take the message"),
        ("Hemtagning Anna Berg", DeferredDelivery, "4.2.0 the server did not take the message"),
        ("[TOOBIG] no", FailedDelivery, "5.3.4 the message is larger than the server takes"),
    ],
)
async def test_of_a_refusal_the_code_counts_and_no_word_goes_on(
    server: Simulator, said: str, kind: type, reply: str
) -> None:
    server.on("APPEND", refuses(said))
    outcome = await deliver(delivery(server))
    assert type(outcome) is kind
    assert outcome.reply == reply
    assert "Anna" not in repr(outcome)
    assert server.inbox.messages == {}


async def test_a_folder_that_vanishes_before_the_message_comes(server: Simulator) -> None:
    server.on("APPEND", cut())
    await deliver(delivery(server))
    del server.folders["INBOX"]
    outcome = await deliver(delivery(server))
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply == "4.2.0 the folder is not there"


async def test_a_server_that_cannot_search_gets_the_message_all_the_same(server: Simulator) -> None:
    server.on("SEARCH", refuses("[CANNOT] no such search"))
    assert isinstance(await deliver(delivery(server)), Delivered)
    assert len(server.inbox.messages) == 1


async def test_a_server_that_finds_what_is_only_alike_does_not_lose_the_message(server: Simulator) -> None:
    other = server.inbox.add(b"Received: by gw.motala.se\r\n id q.2; now\r\n\r\nother\r\n")
    server.on("SEARCH", says(b"* SEARCH %d\r\n%%s OK done\r\n" % other))
    outcome = await deliver(delivery(server))
    assert outcome.reply == "2.0.0 stored in the folder"
    assert len(server.inbox.messages) == 2


async def test_only_the_days_in_which_it_can_have_been_tried_are_searched(server: Simulator) -> None:
    await deliver(delivery(server))
    ((_, *words),) = server.asked("SEARCH")
    assert words[words.index("SINCE") + 1] == "21-Apr-2026"  # two days, and one for the server's time zone


async def test_a_reverse_path_that_is_none_is_not_written(server: Simulator) -> None:
    outcome = await delivery(server).deliver(
        USERNAME, MESSAGE, reverse_path="a@b>\r\nX-Rorpost-Verified: yes", unique="q.1"
    )
    assert isinstance(outcome, FailedDelivery)
    assert server.connections == 0


# --- sessions that are kept


@asynccontextmanager
async def keeping(kept: KeptSessions) -> AsyncIterator[None]:
    running = asyncio.create_task(kept.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_nothing_is_kept_unless_somebody_sees_to_it(server: Simulator) -> None:
    to = delivery(server, KeptSessions(ImapSessions(timeout_seconds=PATIENCE_SECONDS)))
    for nth in range(2):
        await deliver(to, f"q.{nth}")
    assert server.connections == 2


async def test_a_kept_session_that_has_died_costs_the_next_message_nothing(server: Simulator) -> None:
    kept = KeptSessions(ImapSessions(timeout_seconds=PATIENCE_SECONDS))
    to = delivery(server, kept)
    async with keeping(kept):
        await deliver(to, "q.1")
        server.on("NOOP", cut())
        assert isinstance(await deliver(to, "q.2"), Delivered)
        assert isinstance(await deliver(to, "q.3"), Delivered)
    assert server.connections == 2
    assert server.asked("LOGOUT") == [("LOGOUT",)]
    assert len(server.inbox.messages) == 3


async def test_a_session_that_went_wrong_is_not_kept(server: Simulator) -> None:
    kept = KeptSessions(ImapSessions(timeout_seconds=PATIENCE_SECONDS))
    to = delivery(server, kept)
    async with keeping(kept):
        server.on("APPEND", refuses("[OVERQUOTA] full"))
        assert isinstance(await deliver(to), DeferredDelivery)
        assert isinstance(await deliver(to), Delivered)
    assert server.connections == 2


async def test_what_is_idle_is_closed_and_no_more_than_a_few_are_kept(server: Simulator) -> None:
    clock = 0.0
    ticks: asyncio.Queue[None] = asyncio.Queue()

    async def wait(_seconds: float) -> None:
        await ticks.get()

    kept = KeptSessions(ImapSessions(timeout_seconds=PATIENCE_SECONDS), clock=lambda: clock, wait=wait)
    accounts = [server.account(username=USERNAME)] * (MOST_KEPT + 2)
    server.on("LOGIN", *(says(b"%s OK in\r\n") for _ in accounts))
    async with keeping(kept), asyncio.timeout(20):
        for nth, account in enumerate(accounts):
            named = type(account)(server=account.server, username=f"u{nth}", credentials=account.credentials)
            async with kept.open(named):
                pass
        assert len(server.open_now) == MOST_KEPT
        clock += IDLE_SECONDS
        ticks.put_nowait(None)
        while server.open_now:
            await asyncio.sleep(0)


@pytest.mark.parametrize("fault", [cut, silence], ids=["cut", "silence"])
async def test_in_the_middle_of_the_octets(server: Simulator, fault: Callable[[], Fault]) -> None:
    server.capabilities = server.capabilities.replace("LITERAL+ ", "")
    server.on(LITERAL, fault())
    assert isinstance(await deliver(delivery(server)), DeferredDelivery)
    assert server.inbox.messages == {}
    assert isinstance(await deliver(delivery(server)), Delivered)
