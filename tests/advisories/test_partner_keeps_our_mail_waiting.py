"""The flaw: a partner's mail server that says nothing kept mail from our own mailboxes.

What goes to them took the places of the default next hop, to which it never goes.
"""

import asyncio

from rorpost_gateway.queue.base import Purpose
from rorpost_gateway.relay.slots import Slots
from rorpost_gateway.smtp_client.base import Route, Routes, TlsMode

PARTNER = "rorpost.vcbrinken@regionostergotland.se"
OURS = "rorpost.hemsjukvarden@motala.se"


def is_own(recipient: str) -> bool:
    return recipient.endswith("@motala.se")


async def test_its_places_are_not_ours() -> None:
    silent = Route(host="127.0.0.1", port=25, hostname="gw.motala.se", tls=TlsMode.OFF, connections=1)
    slots = Slots(Routes(default=silent, by_domain={}), overall=32, is_own=is_own)
    for recipient in (OURS, *[PARTNER] * 4):
        slots.take(recipient)
    assert slots.busy_domains() == {"regionostergotland.se"}
    async with asyncio.timeout(5), slots.connection(PARTNER), slots.connection(OURS):
        assert slots.claimable() >= 1


async def test_ours_are_bounded_too() -> None:
    slots = Slots(Routes(default=None, by_domain={}), overall=32, is_own=is_own)
    for _ in range(16):
        slots.take(OURS)
    assert slots.busy_domains() == {"motala.se"}
    slots.give_back(OURS)
    assert slots.busy_domains() == set()


async def test_sent_copies_take_no_place_of_a_message() -> None:
    slots = Slots(Routes(default=None, by_domain={}), overall=32, is_own=is_own)
    for _ in range(8):
        slots.take(OURS, Purpose.SENT_COPY)
    assert slots.busy_domains() == {"sent-copy:motala.se"}
    assert slots.reserve([OURS, PARTNER], behind=slots.busy_domains())
