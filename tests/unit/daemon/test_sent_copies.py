"""A sent copy's way from the queue to its folder, beside the message's own. Refusals first."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rorpost_gateway.audit.report import as_data, figures_of
from rorpost_gateway.daemon.arrived import arrived_in, forget_arrived
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.delivery.base import DeferredDelivery, FailedDelivery
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.metrics.tallies import Tallies
from rorpost_gateway.queue.base import Copy, Purpose, State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.sent_copies import Sending
from tests.peers.submitting import make_message

RULE = "delivery.sent_copy"
MARKER = "Markorord"
LATER = DeferredDelivery(reply="4.4.1 the server cannot be reached", next_hop="imap:993", private="why")
DAY = 86_400


@pytest.fixture
async def sending(house: OutboundHouse) -> AsyncIterator[Sending]:
    made = Sending(house)
    yield made
    assert house.holds(MARKER.encode()) == []
    await made.close()


async def copies(sending: Sending) -> list[Copy]:
    return [copy for copy in await sending.house.copies() if copy.purpose is Purpose.SENT_COPY]


def arrived_at_partners(sending: Sending) -> list[str]:
    return [each.recipient for each in sending.partners.sent]


# --- what does not get there


async def test_a_server_that_is_down_holds_up_no_message_and_nobody_is_told(sending: Sending) -> None:
    sending.folders.outcome = LATER
    await sending.house.submit(body=MARKER)
    await sending.work()
    assert arrived_at_partners(sending) == [world.BRINKEN]
    assert set(sending.told()[2:]) == {("relayed", None), ("deferred", RULE)}
    (copy,) = await copies(sending)
    assert (copy.state, copy.last_reply) == (State.READY, LATER.reply)
    sending.house.clock.now += 2 * 3600  # a sender of a message would be warned by now
    await sending.work()
    assert sending.notices() == []


async def test_one_that_was_given_up_is_a_line_and_nothing_else(sending: Sending) -> None:
    sending.folders.outcome = LATER
    await sending.house.submit(body=MARKER)
    await sending.work()
    sending.house.clock.now += 3 * DAY
    await sending.work()
    assert await sending.house.copies() == []
    assert sending.told()[-1] == ("bounced", RULE)
    assert sending.notices() == []


async def test_one_that_is_refused_for_good(sending: Sending) -> None:
    sending.folders.outcome = FailedDelivery(reply="5.3.4 too large", next_hop="imap:993")
    await sending.house.submit(body=MARKER)
    await sending.work()
    assert await sending.house.copies() == []
    assert ("bounced", RULE) in sending.told()
    assert (arrived_at_partners(sending), sending.notices()) == ([world.BRINKEN], [])


async def test_nobody_wants_them_any_more(house: OutboundHouse) -> None:
    sending = Sending(house, wanted=False)
    await house.submit(body=MARKER)
    await sending.work()
    assert await house.copies() == []
    (line,) = house.lines("bounced")
    assert (line["reply"], line["rule"]) == ("5.3.5 no sent copies are configured", RULE)
    assert sending.notices() == []
    await sending.close()


async def test_a_mailbox_that_has_left_the_policy_gets_none(sending: Sending) -> None:
    sending.folders.outcome = LATER
    await sending.house.submit(body=MARKER)
    await sending.work()
    policy = sending.house.policy_data
    gone = {
        **policy,
        "mailboxes": {name: box for name, box in policy["mailboxes"].items() if name != world.HOME_CARE},
        "channels": [each for each in policy["channels"] if each["name"] == "bistand-brinken"],
    }
    sending.house.set_policy(gone)
    sending.house.clock.now += 3600
    await sending.work()
    assert len(sending.folders.given) == 1
    (copy,) = await copies(sending)
    assert (copy.state, copy.held_because) == (State.HELD, "sender-not-a-mailbox")
    assert sending.told()[-1] == ("held", RULE)
    assert sending.notices() == []


async def test_one_that_is_not_what_was_sealed_goes_nowhere(sending: Sending) -> None:
    """Whoever may write the store cannot put another sealed message in its place."""
    sending.folders.outcome = LATER
    await sending.house.submit(body=MARKER, message_id="<one@b>")
    await sending.house.submit(body=MARKER, message_id="<two@b>")
    await sending.work()
    first, second = await copies(sending)
    given = len(sending.folders.given)
    other = await sending.house.queue.sealed(second.message.queue_id, second.recipient)

    async def sealed(_queue_id: str, _recipient: str) -> bytes:
        return other

    await sending.house.queue.hold(second.message.queue_id, second.recipient, because="operator")
    sending.house.queue.sealed = sealed  # type: ignore[method-assign]
    sending.house.clock.now += 3600
    await sending.work()
    assert len(sending.folders.given) == given
    (line,) = sending.house.lines("held")
    assert (line["decision_id"], line["reason"]) == (first.decision_id, "message-malformed")


# --- what does


async def test_it_is_the_message_as_submitted_with_what_was_found(sending: Sending) -> None:
    octets = make_message(body=MARKER)
    answered = await sending.house.submit(octets)
    await sending.work()
    (put,) = sending.folders.given
    line = sending.house.lines()[1]
    stamp = (
        f"X-Rorpost-Verified: yes; channel=hemsjukvarden-region;\r\n sending-user={world.ANNA};\r\n"
        f" signed-by={line['signed_by']};\r\n decision={line['decision_id']}\r\n"
    ).encode()
    assert put.octets == stamp + octets
    assert (put.mailbox, put.unique) == (world.HOME_CARE, f"{answered.queue_id}.{line['decision_id']}")
    assert put.sent_at.timestamp() == sending.house.clock.now
    assert await sending.house.copies() == []
    assert arrived_at_partners(sending) == [world.BRINKEN]
    (delivered,) = sending.house.lines("delivered")
    assert (delivered["rule"], delivered["recipient"]) == (RULE, world.HOME_CARE)
    assert [line.get("rule") for line in sending.house.lines("relayed")] == [None]


async def test_what_the_client_forged_is_gone(sending: Sending) -> None:
    octets = make_message(body=MARKER)
    forged = b"X-Rorpost-Verified: yes; channel=forged\r\n" + octets
    await sending.house.submit(forged)
    await sending.work()
    (put,) = sending.folders.given
    assert put.octets.count(b"X-Rorpost-Verified") == 1
    assert put.octets.endswith(octets)


async def test_it_goes_by_no_channel(sending: Sending) -> None:
    """What was sent was sent, whoever may write to whom by now."""
    sending.folders.outcome = LATER
    await sending.house.submit(body=MARKER)
    await sending.work()
    policy = sending.house.policy_data
    sending.house.set_policy({**policy, "channels": [policy["channels"][-1]]})
    sending.folders.outcome = Sending(sending.house).folders.outcome
    sending.house.clock.now += 3600
    await sending.work()
    assert len(sending.folders.given) == 2
    assert await sending.house.copies() == []


async def test_a_server_that_is_silent_keeps_no_message_waiting(sending: Sending) -> None:
    """Places, memory and claims of sent copies are their own."""
    sending.folders.gate.clear()
    house = sending.house
    relay = sending.relay()
    house.change(relay=relay)
    run = asyncio.create_task(relay.run())
    async with asyncio.timeout(20):
        for nth in range(40):
            answered = await house.submit(body=MARKER, message_id=f"<{nth}@b>")
            assert answered.reason == "ok"
        while len(sending.partners.sent) < 40:
            await asyncio.sleep(0)
    assert len(sending.folders.given) == 2
    assert len(await copies(sending)) == 40
    sending.folders.gate.set()
    async with asyncio.timeout(20):
        while await copies(sending):
            await asyncio.sleep(0)
        await relay.drain()
        await run
    assert sorted(put.unique for put in sending.folders.given) == sorted(
        f"{line['queue_id']}.{line['decision_id']}" for line in house.lines("delivered")
    )


# --- after a crash


async def test_one_that_arrived_and_was_not_forgotten_is_forgotten_at_the_next_start(
    sending: Sending,
) -> None:
    house = sending.house
    await house.submit(body=MARKER)
    finish = house.queue.finish

    async def broken(queue_id: str, recipient: str, *, undelivered: bool = False) -> None:
        if recipient == world.HOME_CARE:
            raise QueueUnavailable("gone", private="gone")
        await finish(queue_id, recipient, undelivered=undelivered)

    house.queue.finish = broken  # type: ignore[method-assign]
    claim = house.queue.put_back
    house.queue.put_back = broken  # type: ignore[method-assign, assignment]
    await sending.work()
    house.queue.finish, house.queue.put_back = finish, claim  # type: ignore[method-assign]
    assert [copy.state for copy in await copies(sending)] == [State.CLAIMED]
    assert (
        await forget_arrived(house.queue, arrived_ids=arrived_in(house.folder / "decisions"), node="gw1") == 1
    )
    assert await house.copies() == []
    assert len(sending.folders.given) == 1


# --- counted apart


async def test_a_report_counts_it_apart_from_messages(sending: Sending) -> None:
    await sending.house.submit(body=MARKER)
    await sending.work()
    figures = figures_of(sending.house.lines(None))
    assert (figures.messages, figures.totals.sent, figures.copies["delivered"]) == (1, 1, 0)
    assert figures.channels == {"hemsjukvarden-region": figures.totals}
    assert figures.sent_copies == {"made": 1, "delivered": 1}
    assert as_data(figures)["sent_copies"]["not_made"] == 0


async def test_so_do_the_metrics(house: OutboundHouse) -> None:
    tallies = Tallies(clock=lambda: 0.0, now=lambda: 0.0)
    about = {"direction": Direction.OUTBOUND, "rule": RULE}
    of_copy = {"decision_id": "d", "queue_id": "q", **about}
    records = [
        house.records.decision(action=Action.ACCEPT, reason=Reason.OK, **about),
        house.records.decision(action=Action.REJECT, reason=Reason.KEY_MISSING, **about),
        house.records.delivered(**of_copy),
        house.records.bounced(**of_copy),
    ]
    tallies.lines_written(records, 3)
    told = tallies.tallied()
    assert {words[0] for words, times in told.sent_copies.items() if times} == {
        *("made", "not-made", "delivered", "bounced")
    }
    assert not any(told.decisions.values())
    assert not any(told.copies.values())
