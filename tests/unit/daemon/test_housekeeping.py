"""What the daemon does now and then; the waiting is injected, and the clock moves when told."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.daemon.housekeeping import ROUND_SECONDS, STALE_SECONDS, Housekeeping
from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.base import State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.queues import put_pending
from tests.peers.submitting import make_message


class Rounds:
    """Lets a number of rounds go by, moving the clock; then it waits for ever."""

    def __init__(self, house: OutboundHouse, count: int) -> None:
        self.house = house
        self.left = count
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if not self.left:
            self.over.set()
            await asyncio.Event().wait()
        self.left -= 1
        self.house.clock.now += seconds


def housekeeping(
    house: OutboundHouse, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Housekeeping:
    return Housekeeping(
        queue=house.house.queue,
        decision_log=house.log,
        refusals=house.refusals,
        now=house.clock,
        wait=wait,
    )


async def run(house: OutboundHouse, rounds: int) -> Rounds:
    wait = Rounds(house, rounds)
    task = asyncio.create_task(housekeeping(house, wait).run())
    try:
        async with asyncio.timeout(20):
            await wait.over.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return wait


async def test_a_heartbeat_each_minute_without_another_line(house: OutboundHouse) -> None:
    wait = await run(house, 24)
    assert set(wait.asked) == {ROUND_SECONDS}
    assert len(house.lines("heartbeat")) == 2  # two minutes went by
    await house.submit()
    await run(house, 11)
    assert len(house.lines("heartbeat")) == 2


async def test_aggregated_lines_after_their_minute(house: OutboundHouse) -> None:
    await house.refusals.note_durably(Client(ip="192.0.2.1"), Reason.LOGIN_FAILED)
    for _ in range(2):
        house.refusals.note(Client(ip="192.0.2.1"), Reason.LOGIN_FAILED)
    await run(house, 11)
    assert [line.get("count") for line in house.lines("login-failed")] == [None]
    await run(house, 1)
    assert [line.get("count") for line in house.lines("login-failed")] == [None, 2]


async def test_digests_are_forgotten_after_an_hour(house: OutboundHouse) -> None:
    octets = make_message()
    await house.submit(octets)
    house.clock.now += 3600
    await housekeeping(house).round()
    assert (await house.submit(octets)).reason == "duplicate"
    house.clock.now += 1
    await housekeeping(house).round()
    assert (await house.submit(octets)).reason == "ok"


async def test_stale_pending_copies_are_settled(house: OutboundHouse) -> None:
    await put_pending(house.queue, at=house.clock())
    await housekeeping(house).round()
    assert len(await house.copies(State.PENDING)) == 1
    house.clock.now += STALE_SECONDS + 1
    with capture_logs() as said:
        await housekeeping(house).round()
    assert await house.copies() == []
    assert said == [{"event": "stale-pending-settled", "made_ready": 0, "removed": 1, "log_level": "warning"}]


async def test_stale_pending_copies_with_their_line_become_ready(house: OutboundHouse) -> None:
    house.faults = {"make_ready": QueueUnavailable("x"), "discard_pending": QueueUnavailable("x")}
    await house.submit()
    house.faults.clear()
    house.clock.now += STALE_SECONDS + 1
    await housekeeping(house).round()
    (copy,) = await house.copies()
    assert (copy.state, copy.recipient) == (State.READY, world.BRINKEN)


async def test_a_fault_is_told_and_the_next_round_comes(house: OutboundHouse) -> None:
    house.faults["forget_submissions"] = QueueUnavailable("the queue failed")
    with capture_logs() as said:
        wait = await run(house, 3)
    assert len(wait.asked) == 4
    assert [entry["event"] for entry in said] == ["housekeeping"] * 3


@pytest.mark.parametrize("rounds", [20])
async def test_without_a_log_it_ends(house: OutboundHouse, rounds: int) -> None:
    house.disk.broken = True
    async with asyncio.timeout(10):
        await housekeeping(house, Rounds(house, rounds)).run()
    assert not house.log.available
