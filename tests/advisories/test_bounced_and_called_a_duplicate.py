"""The flaw: a message that could not be delivered was bounced; sent again, it was answered 250 and dropped.

The replay guard outlived the copy, so the same sealed message counted as one that had arrived. What
never arrived is new when it comes again; what did arrive, or still may, is not.
"""

import pytest

from rorpost_gateway.queue.base import Copy
from tests.peers.inbound_house import InboundHouse

LEASE_SECONDS = 900


async def claimed(way_in: InboundHouse) -> Copy:
    now = way_in.clock()
    (copy,) = await way_in.queue.claim(node="gw1", now=now, lease_seconds=LEASE_SECONDS, limit=9)
    return copy


@pytest.mark.parametrize("notice_delivered", [True, False])
async def test_a_bounced_one_is_taken_again(way_in: InboundHouse, *, notice_delivered: bool) -> None:
    message = way_in.partner.message()
    assert (await way_in.receive(message)).reason == "ok"
    copy = await claimed(way_in)
    await way_in.queue.mark_bounced(copy.message.queue_id, copy.recipient, now=way_in.clock())
    if notice_delivered:
        await way_in.queue.finish(copy.message.queue_id, copy.recipient, undelivered=True)
    again = await way_in.receive(message)
    assert again.reason == "ok"
    assert again.queue_id != copy.message.queue_id


async def test_one_that_an_operator_removed_is_taken_again(way_in: InboundHouse) -> None:
    message = way_in.partner.message()
    first = await way_in.receive(message)
    (copy,) = await way_in.copies()
    await way_in.queue.finish(first.queue_id, copy.recipient, undelivered=True)
    assert (await way_in.receive(message)).reason == "ok"


async def test_one_that_waits_or_was_delivered_is_a_duplicate(way_in: InboundHouse) -> None:
    message = way_in.partner.message()
    assert (await way_in.receive(message)).reason == "ok"
    copy = await claimed(way_in)
    assert (await way_in.receive(message)).reason == "duplicate"
    await way_in.queue.finish(copy.message.queue_id, copy.recipient)
    assert (await way_in.receive(message)).reason == "duplicate"


async def test_a_late_end_of_the_first_does_not_let_a_third_in(way_in: InboundHouse) -> None:
    """The guard that is given back is the first copy's own."""
    message = way_in.partner.message()
    assert (await way_in.receive(message)).reason == "ok"
    first = await claimed(way_in)
    await way_in.queue.mark_bounced(first.message.queue_id, first.recipient, now=way_in.clock())
    assert (await way_in.receive(message)).reason == "ok"
    await way_in.queue.finish(first.message.queue_id, first.recipient, undelivered=True)
    assert (await way_in.receive(message)).reason == "duplicate"
