"""The flaw: where only the login says who sends, a client's own X-Rorpost-Sending-User went out signed.

Nobody had compared it with anything, and it stood under the seal as a second field of that name: a reader
that takes the last one, or shows all, names a person who has nothing to do with the message.
"""

import copy
from email import message_from_bytes
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.outbound_house import OutboundHouse

NAME = "X-Rorpost-Sending-User"
OTHER = "eva.ek@motala.se"


async def stated(house: OutboundHouse, sources: list[str], user: str) -> list[Any]:
    """What stands under the seal."""
    policy = copy.deepcopy(house.policy_data)
    policy["rules"]["declared_user"] = {"sources": sources}
    house.set_policy(policy)
    heard = await house.submit(user=user)
    assert heard.reason == "ok"
    outer = message_from_bytes(await house.queue.sealed(heard.queue_id, world.BRINKEN))
    sealed = outer.get_payload(1).get_payload(decode=True)  # type: ignore[union-attr]
    opened = open_with_gpg(house.keys.receiver_home, sealed)  # type: ignore[arg-type]
    return message_from_bytes(opened).get_all(NAME, [])


@pytest.mark.parametrize("sources", [["login"], ["login", "sender"]])
async def test_a_field_that_is_no_source_does_not_go_out(house: OutboundHouse, sources: list[str]) -> None:
    assert await stated(house, sources, OTHER) == [world.ANNA]


async def test_a_field_that_is_a_source_says_the_same(house: OutboundHouse) -> None:
    assert set(await stated(house, ["header", "login"], world.ANNA)) == {world.ANNA}
