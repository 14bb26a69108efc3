"""Octets that attempts hold at the same time: bounded, and in the order of coming."""

import asyncio
from contextlib import AsyncExitStack

from rorpost_gateway.relay.room import Room


class Holder:
    """Holds octets until it is let go."""

    def __init__(self, room: Room, octets: int) -> None:
        self.holds = False
        self._over = asyncio.Event()
        self.task = asyncio.create_task(self._hold(room, octets))

    async def _hold(self, room: Room, octets: int) -> None:
        async with room.held(octets):
            self.holds = True
            await self._over.wait()
        self.holds = False

    async def let_go(self) -> None:
        self._over.set()
        await self.task
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def holders(room: Room, *octets: int) -> list[Holder]:
    made = [Holder(room, each) for each in octets]
    await settle()
    return made


async def test_what_does_not_fit_waits_and_what_came_later_does_not_pass_it() -> None:
    room = Room(100)
    first, second, large, small = await holders(room, 60, 40, 50, 1)
    assert (first.holds, second.holds, large.holds, small.holds) == (True, True, False, False)
    await second.let_go()
    assert (large.holds, small.holds) == (False, False)
    await first.let_go()
    assert (large.holds, small.holds) == (True, True)
    await large.let_go()
    await small.let_go()


async def test_what_is_larger_than_all_of_it_goes_alone() -> None:
    room = Room(100)
    small, huge, after = await holders(room, 1, 1000, 1)
    assert not huge.holds
    await small.let_go()
    assert (huge.holds, after.holds) == (True, False)
    await huge.let_go()
    assert after.holds
    await after.let_go()


async def test_who_stops_waiting_is_passed_over() -> None:
    room = Room(100)
    first, gone, last = await holders(room, 100, 100, 30)
    gone.task.cancel()
    await settle()
    await first.let_go()
    assert last.holds
    await last.let_go()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(room.held(100))


async def test_who_is_broken_off_in_the_moment_of_its_turn_leaves_nothing_behind() -> None:
    room = Room(100)
    first, unlucky = await holders(room, 100, 100)
    first._over.set()
    await asyncio.sleep(0)  # `first` ends now; the room it had is given on
    unlucky.task.cancel()
    await settle()
    async with asyncio.timeout(5), room.held(100):
        pass
