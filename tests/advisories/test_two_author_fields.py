"""The flaw: a second From field without an address counts as no author, and yet has a name to show.

`From: "Chefen":;` beside the true one: the address that is compared is one, what a mail client shows
may be the other. It was accepted at the prompt, and could then not be delivered.
"""

import pytest

from tests.peers import gateway_world as world
from tests.peers.inbound_house import UNPROTECTED, InboundHouse

SECOND = ['"Chefen":;', ""]


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("place", [0, 1])
async def test_it_is_refused_inside(way_in: InboundHouse, second: str, place: int) -> None:
    authors = [world.BRINKEN]
    authors.insert(place, second)
    assert (await way_in.receive(way_in.partner.message(From=authors))).reason == "author-mismatch"
    assert not await way_in.copies()


@pytest.mark.parametrize("second", SECOND)
async def test_it_is_refused_outside(way_in: InboundHouse, second: str) -> None:
    message = way_in.partner.message(outside={"From": [second, world.BRINKEN]})
    assert (await way_in.receive(message)).reason == "author-mismatch"


async def test_it_is_refused_where_nothing_is_protected(way_in: InboundHouse) -> None:
    authors = [UNPROTECTED, '"Chefen":;']
    message = way_in.partner.message(UNPROTECTED, protection="", From=authors)
    assert (await way_in.receive(message, sender=UNPROTECTED)).reason == "author-mismatch"
