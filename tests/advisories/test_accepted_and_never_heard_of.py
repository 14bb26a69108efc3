"""The flaw: a message was answered 250, did not leave, and nobody was told.

Two ways there. A copy that policy or keys hold back for good was no failure and no delay to a sender
who had asked for failures only. And a copy that had bounced, but whose notice could not be delivered,
made the same message sent again a `duplicate` of something that would never arrive.
"""

from rorpost_gateway.dsn import Happened, wanted
from rorpost_gateway.envelope import Notify
from rorpost_gateway.queue.base import Retry
from tests.peers.outbound_house import OutboundHouse


def test_who_asks_for_failures_hears_of_a_hold() -> None:
    assert wanted({Notify.FAILURE}, Happened.HELD)
    assert wanted({Notify.FAILURE, Notify.SUCCESS}, Happened.HELD)
    assert not wanted({Notify.NEVER}, Happened.HELD)


async def test_what_has_bounced_can_be_sent_again_before_its_notice_is_delivered(
    house: OutboundHouse,
) -> None:
    first = await house.submit(body="Hej")
    assert (await house.submit(body="Hej")).reason == "duplicate"
    [copy] = await house.queue.claim(
        node="gw1", now=house.clock.now, lease_seconds=60, limit=1, busy_domains=frozenset()
    )
    await house.queue.mark_bounced(copy.message.queue_id, copy.recipient, now=house.clock.now)
    retry = Retry(next_attempt_at=house.clock.now + 60, reply="550 no", next_hop="mx:25")
    await house.queue.put_back(copy.message.queue_id, copy.recipient, retry)  # the mailbox cannot be written
    again = await house.submit(body="Hej")
    assert (again.reason, again.queue_id != first.queue_id) == ("ok", True)
    assert (await house.submit(body="Hej")).reason == "duplicate"
    await house.queue.finish(copy.message.queue_id, copy.recipient, undelivered=True)
    assert (await house.submit(body="Hej")).reason == "duplicate"
