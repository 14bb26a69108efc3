"""Copies that come straight from whoever queued them: claimed already, with their octets."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.queue.base import Claim, Copy, NewCopy, Queue, State
from rorpost_gateway.relay.memory import Memory
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Outgoing, Relayed, Route, Routes
from tests.peers.queues import ABROAD, BRINKEN, LYCKORNA, NOW, copy, message, put_ready
from tests.peers.relaying import Lines, Tower

HOP = "mx.regionostergotland.se:25"
ROUTE = Route(host="mx.regionostergotland.se", port=25, hostname="gw.motala.se", connections=1)
OTHER = Route(host="default", port=25, hostname="gw.motala.se", connections=1)
ROUTES = Routes(default=OTHER, by_domain={"regionostergotland.se": ROUTE})
PLACES = 4  # of a next hop with one connection


class Hop:
    """Takes what it is given, once the gate of its recipient is open."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.later = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        self.sent.append(outgoing)
        if route is ROUTE:
            await self.gate.wait()
        if self.later:
            return Deferred(reply="450 4.2.0 later", next_hop=HOP)
        return Relayed(reply="250 2.0.0 queued", next_hop=HOP, notify_taken=True)

    async def close(self) -> None:
        pass


class Counted:
    """A queue that remembers what it was asked."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._queue, name)


@pytest.fixture
def hop() -> Hop:
    return Hop()


@pytest.fixture
def counted(queue: Queue) -> Counted:
    return Counted(queue)


@pytest.fixture
async def tower(counted: Counted, hop: Hop, tmp_path: Path) -> Tower:
    return Tower(queue=counted, client=hop, routes=ROUTES, mail=tmp_path / "mail")  # type: ignore[arg-type]


async def bring(tower: Tower, *recipients: str) -> bool:
    """As whoever promises does; whether the relay took it on."""
    it, copies = message(), [copy(each) for each in recipients]
    claim = tower.relay.reserve(copies)
    await tower.queue.insert_pending(it, copies)
    await tower.queue.make_ready(it.queue_id, now=NOW, claim=claim)
    if claim is None:
        tower.relay.look_for(it, copies)
        return False
    tower.relay.take_on(it, copies, claim)
    return True


async def until(tower: Tower, lines: int) -> None:
    async with asyncio.timeout(20):
        while len(tower.lines.records) < lines or tower.relay._in_hand:
            await asyncio.sleep(0)


async def end(tower: Tower, run: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        await tower.relay.drain()
        await run


# --- what must not leave


async def test_a_fresh_copy_is_judged_as_every_other(tower: Tower, hop: Hop) -> None:
    tower.judge = lambda _: Verdict(reason=Reason.KEY_REVOKED, rule="keys")
    run = asyncio.create_task(tower.relay.run())
    assert await bring(tower, BRINKEN)
    await until(tower, 1)
    await end(tower, run)
    assert hop.sent == []
    [held] = await tower.copies()
    assert (held.state, held.held_because) == (State.HELD, "key-revoked")


async def test_nothing_is_taken_on_while_the_daemon_stops(tower: Tower, hop: Hop) -> None:
    it, new = message(), copy()
    claim = tower.relay.reserve([new])
    assert claim == Claim(node="gw1", lease_until=NOW + tower.limits.lease_seconds)
    await tower.relay.drain()
    assert tower.relay.reserve([new]) is None
    await tower.queue.insert_pending(it, [new])
    await tower.queue.make_ready(it.queue_id, now=NOW, claim=claim)
    tower.relay.take_on(it, [new], claim)
    await tower.relay._all_settled()
    assert hop.sent == []
    [kept] = await tower.copies()
    assert kept.state is State.CLAIMED  # released at the next start


# --- what goes on


async def test_it_goes_on_without_being_looked_for_or_read(tower: Tower, hop: Hop, counted: Counted) -> None:
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(20):
        while not tower.pauses:
            await asyncio.sleep(0)
    counted.asked.clear()
    assert await bring(tower, BRINKEN, LYCKORNA)
    await until(tower, 2)
    await end(tower, run)
    assert [outgoing.octets for outgoing in hop.sent] == [b"sealed\r\n"] * 2
    assert tower.lines.events == ["relayed", "relayed"]
    assert await tower.copies() == []
    assert counted.asked[:4] == ["insert_pending", "make_ready", "finish", "finish"]
    assert "sealed" not in counted.asked
    assert counted.asked.count("claim") <= 2  # with empty hands it looks again


async def test_one_that_is_deferred_comes_back_by_the_queue(tower: Tower, hop: Hop) -> None:
    hop.later = True
    run = asyncio.create_task(tower.relay.run())
    assert await bring(tower, BRINKEN)
    await until(tower, 1)
    await end(tower, run)
    [kept] = await tower.copies()
    assert (kept.state, kept.attempts) == (State.READY, 1)
    hop.later, tower.relay._stopping = False, False
    await tower.work(at=kept.next_attempt_at)
    assert tower.lines.events == ["deferred", "relayed"]


async def test_what_does_not_fit_into_memory_is_read(tower: Tower, hop: Hop, counted: Counted) -> None:
    tower.relay._memory = Memory(most_octets=len(b"sealed\r\n"))
    run = asyncio.create_task(tower.relay.run())
    assert await bring(tower, BRINKEN, LYCKORNA)
    await until(tower, 2)
    assert await bring(tower, BRINKEN)  # the first has given its memory back
    await until(tower, 3)
    await end(tower, run)
    assert [outgoing.octets for outgoing in hop.sent] == [b"sealed\r\n"] * 3
    assert counted.asked.count("sealed") == 1


async def test_nothing_stays_in_memory_for_what_is_gone(tower: Tower, hop: Hop) -> None:
    hop.gate.clear()
    run = asyncio.create_task(tower.relay.run())
    while await bring(tower, BRINKEN):
        pass
    waiting = [each for each in await tower.copies() if each.state is State.READY]
    for each in waiting:
        await tower.queue.finish(each.message.queue_id, each.recipient)  # by an operator
    hop.gate.set()
    async with asyncio.timeout(20):
        while tower.relay._memory._kept:
            await asyncio.sleep(0)
    await end(tower, run)
    assert len(hop.sent) == PLACES
    assert tower.relay._memory._octets == 0


# --- places


async def test_without_a_place_it_waits_in_the_queue_and_is_found_there(
    tower: Tower, hop: Hop, counted: Counted
) -> None:
    hop.gate.clear()
    run = asyncio.create_task(tower.relay.run())
    assert [await bring(tower, BRINKEN) for _ in range(PLACES + 3)] == [True] * PLACES + [False] * 3
    assert {c.state for c in await tower.copies()} == {State.CLAIMED, State.READY}
    hop.gate.set()
    await until(tower, PLACES + 3)
    assert len(hop.sent) == PLACES + 3
    assert "sealed" not in counted.asked  # what was in memory stayed there
    assert await bring(tower, BRINKEN)  # the way is free again
    await until(tower, PLACES + 4)
    await end(tower, run)


async def test_what_waits_already_comes_first_and_holds_up_no_other_next_hop(
    tower: Tower, hop: Hop, queue: Queue
) -> None:
    hop.gate.clear()
    older = [await put_ready(queue, BRINKEN, at=NOW - 60 + nth) for nth in range(PLACES + 2)]
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(20):
        while tower.relay._left_alone != {"regionostergotland.se"}:
            await asyncio.sleep(0)
    assert not await bring(tower, BRINKEN)
    assert await bring(tower, ABROAD)
    hop.gate.set()
    await until(tower, PLACES + 4)
    await end(tower, run)
    relayed = [
        record.fields["queue_id"]
        for record in tower.lines.records
        if str(record.fields["recipient"]).endswith("regionostergotland.se")
    ]
    assert relayed[: len(older)] == older


async def test_a_message_gets_places_for_all_its_copies_or_none(tower: Tower) -> None:
    def to(*recipients: str) -> list[NewCopy]:
        return [copy(each) for each in recipients]

    most = to(*[BRINKEN] * (PLACES - 1))
    assert tower.relay.reserve(most) is not None
    assert tower.relay.reserve(to(ABROAD, BRINKEN, LYCKORNA)) is None
    assert tower.relay.reserve(to(*[ABROAD] * PLACES)) is not None
    tower.relay.let_go(most)
    assert tower.relay.reserve(to(*[BRINKEN] * PLACES)) is not None


class SlowLines(Lines):
    """A decision log whose disk stands still until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.go_on = 0, asyncio.Event()

    async def append(self, records: Sequence[Record]) -> int:
        self.waiting += 1
        await self.go_on.wait()
        return await super().append(records)


async def test_a_connection_is_not_kept_while_an_outcome_is_written_down(tower: Tower, hop: Hop) -> None:
    tower.lines = SlowLines()
    tower.start()
    run = asyncio.create_task(tower.relay.run())
    assert await bring(tower, BRINKEN)
    assert await bring(tower, BRINKEN)
    async with asyncio.timeout(20):
        while tower.lines.waiting < 2:
            await asyncio.sleep(0)
    assert len(hop.sent) == 2  # over one connection
    tower.lines.go_on.set()
    await until(tower, 2)
    await end(tower, run)
    assert await tower.copies() == []


# --- a clock that goes back


async def deferred(tower: Tower, hop: Hop, queue: Queue, *, at: float) -> Copy:
    await put_ready(queue, BRINKEN, at=at)
    hop.later = True
    await tower.work(at=at)
    hop.later = False
    [kept] = await tower.copies()
    assert kept.next_attempt_at > at
    return kept


LONGEST = 3600 * 1.2


async def test_a_clock_that_went_back_before_the_start(tower: Tower, hop: Hop, queue: Queue) -> None:
    ahead = await deferred(tower, hop, queue, at=NOW + 30 * 86400)
    tower.start()
    await tower.work(at=NOW)
    [kept] = await tower.copies()
    assert kept == Copy(**{**vars(ahead), "next_attempt_at": NOW + LONGEST})
    await tower.work(at=NOW + LONGEST)
    assert await tower.copies() == []


async def test_a_clock_that_goes_back_under_a_running_relay(tower: Tower, hop: Hop, queue: Queue) -> None:
    await deferred(tower, hop, queue, at=NOW + 30 * 86400)
    await tower.work(at=NOW)
    assert [c.next_attempt_at for c in await tower.copies()] == [NOW + LONGEST]


async def test_what_the_schedule_says_is_left_alone(tower: Tower, hop: Hop, queue: Queue) -> None:
    kept = await deferred(tower, hop, queue, at=NOW)
    tower.start()
    await tower.work(at=NOW + 1)
    assert await tower.copies() == [kept]
