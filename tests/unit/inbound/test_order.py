"""The order of the steps, and what a fault at each of them leaves behind: nothing, or nothing unsafe."""

import pytest

from rorpost_gateway.errors import LogUnavailable, QueueFull, QueueUnavailable
from rorpost_gateway.openpgp.base import OpeningFailed
from rorpost_gateway.queue.base import State
from rorpost_gateway.reception.transaction import KEEPS_REVISION_SECONDS
from tests.peers import gateway_world as world
from tests.peers.inbound_house import MARKER, InboundHouse
from tests.peers.inbound_refusals import refused

SECRET = f"inner workings of {MARKER}"


@pytest.mark.parametrize(
    ("step", "fault", "reason"),
    [
        ("open", OpeningFailed("the agent", private="no agent"), "gateway-fault"),
        ("find_seals", QueueUnavailable("gone"), "gateway-fault"),
        ("insert_pending", QueueUnavailable("gone"), "gateway-fault"),
        ("insert_pending", QueueFull("full"), "gateway-full"),
    ],
)
async def test_a_fault_before_anything_is_promised(
    way_in: InboundHouse, step: str, fault: Exception, reason: str
) -> None:
    way_in.faults[step] = fault
    octets = way_in.partner.message()
    heard = await way_in.receive(octets)
    assert (heard.reason, heard.reply.code // 100) == (reason, 4)
    (line,) = way_in.lines()
    assert (line["action"], line["reason"], line["channel"]) == ("defer", reason, "brinken")
    assert await way_in.copies() == []
    del way_in.faults[step]
    assert (await way_in.receive(octets)).reason == "ok", "the partner tries again"


async def test_an_unforeseen_fault_is_the_sessions_to_answer_and_leaves_a_line(way_in: InboundHouse) -> None:
    way_in.faults["find_seals"] = RuntimeError("unforeseen")
    with pytest.raises(RuntimeError):
        await way_in.receive(way_in.partner.message())
    assert [line["reason"] for line in way_in.lines()] == ["gateway-fault"]
    assert await way_in.copies() == []


async def test_no_line_no_promise(way_in: InboundHouse) -> None:
    """The log fails: the session answers 451; what is pending stays nobody's to deliver."""
    way_in.faults["append"] = LogUnavailable("the disk")
    with pytest.raises(LogUnavailable):
        await way_in.receive(way_in.partner.message())
    assert [copy.state for copy in await way_in.copies()] == [State.PENDING]
    assert way_in.told_relay == 0


async def test_a_refusal_that_cannot_be_logged_is_not_told(way_in: InboundHouse) -> None:
    way_in.faults["append"] = LogUnavailable("the disk")
    with pytest.raises(LogUnavailable):
        await way_in.receive(way_in.partner.payload(protection=""))


@pytest.mark.parametrize("late", [False, True])
async def test_not_made_ready_it_is_not_promised_and_may_come_again(
    way_in: InboundHouse, *, late: bool
) -> None:
    faults = way_in.late_faults if late else way_in.faults
    faults["make_ready"] = QueueUnavailable("gone")
    octets = way_in.partner.message()
    heard = await way_in.receive(octets)
    assert (heard.reply.code, heard.reason) == (451, "gateway-fault")
    way_in.faults.clear()
    again = await way_in.receive(octets)
    copies = await way_in.copies()
    assert [copy.state for copy in copies] == [State.READY]
    assert again.reason == ("duplicate" if late else "ok")
    assert again.queue_id == copies[0].message.queue_id


async def test_while_it_is_committed_it_is_in_hand(way_in: InboundHouse) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(len(way_in.inbound.in_hand))

    way_in.before["append"] = look
    await way_in.receive(way_in.partner.message())
    assert (seen, way_in.inbound.in_hand) == ([1], frozenset())


async def test_a_large_message_is_read_beside_the_loop(way_in: InboundHouse) -> None:
    noise = "".join(f"{number:076x}\r\n" for number in range(1, 9000))
    payload = way_in.partner.payload(body=noise)
    block = way_in.partner.seal(payload, "--compress-algo", "none")
    octets = way_in.partner.outer(block)
    assert len(octets) > 256 * 1024
    assert (await way_in.receive(octets)).reason == "ok"
    (copy,) = await way_in.copies()
    assert copy.sealed_size == len(octets)


async def test_a_transaction_keeps_its_policy_for_a_minute(way_in: InboundHouse) -> None:
    transaction = await way_in.begin()
    policy = way_in.policy_data
    policy["channels"] = [each for each in policy["channels"] if each["name"] != "brinken"]
    way_in.set_policy(policy)
    way_in.clock.now += KEEPS_REVISION_SECONDS
    assert (await transaction.message(way_in.partner.message())).reason == "ok"


async def test_a_transaction_kept_open_is_judged_by_what_is_in_force_then(way_in: InboundHouse) -> None:
    transaction = await way_in.begin()
    policy = way_in.policy_data
    policy["channels"] = [each for each in policy["channels"] if each["name"] != "brinken"]
    way_in.set_policy(policy)
    way_in.clock.now += KEEPS_REVISION_SECONDS + 1
    assert (await transaction.message(way_in.partner.message())).reason == "pair-not-allowed"
    (line,) = way_in.lines()
    assert (line["reason"], line["policy"]) == ("pair-not-allowed", way_in.in_force.policy.revision)
    assert await way_in.copies() == []


async def test_what_is_said_of_a_client_that_chose_its_words_is_cleaned(way_in: InboundHouse) -> None:
    await refused(
        way_in,
        way_in.partner.message(Message_ID="<19121212-1212@x.se>", Importance="high"),
        "urgent",
        signed_by=way_in.keys.receiver,
        message_id="[redacted]",
        sender=world.BRINKEN,
    )
