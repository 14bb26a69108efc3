"""Housekeeping's settling of old pending copies, while one of them is just on its way to its 250.

Old is by the clock, which jumps; and sealing may have waited long. A copy that was discarded
between its siblings' becoming ready would be lost after a 250.
"""

import pytest

from rorpost_gateway.daemon.recovery import settle_pending
from rorpost_gateway.queue.base import State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

BOTH = (world.BRINKEN, world.LYCKORNA)
FOREVER = float("inf")


async def settle(house: OutboundHouse) -> None:
    await settle_pending(
        house.queue,
        logged_ids=house.log.decision_ids_since,
        now=house.clock(),
        received_before=FOREVER,
        in_hand=lambda: house.outbound.in_hand,
    )


@pytest.mark.parametrize("step", ["append", "make_ready"])
async def test_a_commit_in_hand_is_left_alone(house: OutboundHouse, step: str) -> None:
    async def look() -> None:
        assert len(house.outbound.in_hand) == 1
        await settle(house)

    house.before = {step: look}
    answered = await house.submit(recipients=BOTH)
    assert answered.reason == "ok"
    assert [copy.state for copy in await house.copies()] == [State.READY, State.READY]
    assert house.outbound.in_hand == frozenset()


async def test_what_a_fault_left_is_nobodys(house: OutboundHouse) -> None:
    house.faults["insert_pending"] = RuntimeError()
    with pytest.raises(RuntimeError):
        await house.submit(recipients=BOTH)
    assert house.outbound.in_hand == frozenset()
