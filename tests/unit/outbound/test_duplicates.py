"""The same submission again within the hour: taken once, answered twice."""

import asyncio

import pytest

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.queue.base import State
from tests.peers import gateway_world as world
from tests.peers.outbound_house import Answered, OutboundHouse
from tests.peers.submitting import make_message

BOTH = (world.BRINKEN, world.LYCKORNA)


async def test_twice(house: OutboundHouse) -> None:
    octets = make_message()
    first = await house.submit(octets)
    again = await house.submit(octets)
    assert (first.reason, again.reason) == ("ok", "duplicate")
    assert again.reply.line.startswith("250 2.0.0 [duplicate] ")
    assert again.queue_id == first.queue_id
    accepted, duplicate = house.lines()
    assert duplicate["action"] == "accept"
    assert duplicate["queue_id"] == first.queue_id
    assert duplicate["decision_id"] != accepted["decision_id"]
    assert "content_sha256" not in duplicate
    assert len(await house.copies()) == 1
    assert house.steps[-2:] == ["find_duplicates", "append"]


async def test_also_when_the_first_has_left(house: OutboundHouse) -> None:
    octets = make_message()
    first = await house.submit(octets)
    await house.queue.finish(first.queue_id, world.BRINKEN)
    assert (await house.submit(octets)).reason == "duplicate"
    assert await house.copies() == []


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"body": "Hej"}, {"body": "Hej!"}),
        ({"message_id": "<a@b>"}, {"message_id": "<b@b>"}),
        ({"recipients": (world.BRINKEN,)}, {"recipients": (world.LYCKORNA,)}),
        ({"subject": "ett"}, {"subject": "tva"}),
        ({"Message_ID": None, "body": "Hej"}, {"Message_ID": None, "body": "Hej!"}),
    ],
)
async def test_another_message_is_none(
    house: OutboundHouse, first: dict[str, object], again: dict[str, object]
) -> None:
    assert (await house.submit(**first)).reason == "ok"
    assert (await house.submit(**again)).reason == "ok"
    assert len(await house.copies(State.READY)) == 2


async def test_a_message_without_an_id_can_be_one(house: OutboundHouse) -> None:
    octets = make_message(Message_ID=None)
    assert [(await house.submit(octets)).reason for _ in range(2)] == ["ok", "duplicate"]


async def test_what_differs_only_in_fields_that_are_not_the_clients_to_write_is_one(
    house: OutboundHouse,
) -> None:
    await house.submit(make_message(X_Rorpost_Verified="yes"))
    assert (await house.submit(make_message())).reason == "duplicate"


@pytest.mark.parametrize(("seconds", "reason"), [(3600.0, "duplicate"), (3600.5, "ok")])
async def test_within_an_hour(house: OutboundHouse, seconds: float, reason: str) -> None:
    octets = make_message()
    await house.submit(octets)
    house.clock.now += seconds
    assert (await house.submit(octets)).reason == reason


async def test_to_one_recipient_more(house: OutboundHouse) -> None:
    octets = make_message(recipients=BOTH)
    first = await house.submit(octets, recipients=(world.BRINKEN,))
    again = await house.submit(octets, recipients=BOTH)
    assert again.reason == "ok"
    assert again.queue_id != first.queue_id
    lines = house.lines()[1:]
    assert {line["recipient"]: (line["reason"], line["queue_id"]) for line in lines} == {
        world.BRINKEN: ("duplicate", first.queue_id),
        world.LYCKORNA: ("ok", again.queue_id),
    }
    assert {copy.name for copy in await house.copies()} == {
        f"{first.queue_id}/{world.BRINKEN}",
        f"{again.queue_id}/{world.LYCKORNA}",
    }


async def test_both_recipients_from_two_submissions(house: OutboundHouse) -> None:
    octets = make_message(recipients=BOTH)
    ids = [(await house.submit(octets, recipients=(each,))).queue_id for each in BOTH]
    again = await house.submit(octets, recipients=BOTH)
    assert again.reason == "duplicate"
    assert again.queue_id in ids


async def test_at_the_same_time(house: OutboundHouse) -> None:
    octets = make_message()
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(house.submit(octets) for _ in range(5)))
    assert sorted(answer.reason for answer in answers) == ["duplicate"] * 4 + ["ok"]
    assert len({answer.queue_id for answer in answers}) == 1
    assert len(await house.copies()) == 1
    assert house.steps.count("seal") == 1


async def test_others_do_not_wait(house: OutboundHouse) -> None:
    """Only the same Message-ID of the same mailbox stands in line."""
    sealing, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        if not sealing.is_set():
            sealing.set()
            await go_on.wait()

    house.before["seal"] = pause
    async with asyncio.timeout(20):
        slow = asyncio.create_task(house.submit(message_id="<slow@b>"))
        await sealing.wait()
        assert (await house.submit(message_id="<other@b>")).reason == "ok"
        go_on.set()
        assert (await slow).reason == "ok"


@pytest.mark.parametrize("step", ["seal", "insert_pending", "make_ready"])
async def test_while_the_first_one_fails(house: OutboundHouse, step: str) -> None:
    """What waited for the first is no duplicate of it, and is taken."""
    failing, go_on = asyncio.Event(), asyncio.Event()

    async def fail_once() -> None:
        if not failing.is_set():
            failing.set()
            await go_on.wait()
            raise SealingFailed("no", private="no")

    house.before[step] = fail_once
    octets = make_message()
    async with asyncio.timeout(20):
        first = asyncio.create_task(house.submit(octets))
        await failing.wait()
        second = asyncio.create_task(house.submit(octets))
        await asyncio.sleep(0)
        go_on.set()
        answers: tuple[Answered, Answered] = (await first, await second)
    assert [answer.reason for answer in answers] == ["gateway-fault", "ok"]
    assert len(await house.copies(State.READY)) == 1
    assert await house.copies(State.PENDING) == []


async def test_a_refused_message_is_no_duplicate_of_anything(house: OutboundHouse) -> None:
    octets = make_message(Importance="high")
    assert [(await house.submit(octets)).reason for _ in range(2)] == ["urgent", "urgent"]


async def test_the_rules_are_asked_again(house: OutboundHouse) -> None:
    """A duplicate of what is no longer allowed is refused, not waved through."""
    octets = make_message()
    await house.submit(octets)
    house.set_policy({**house.policy_data, "channels": []})
    assert (await house.submit(octets)).reason == "pair-not-allowed"
