"""What operators do to the queue leaves a line with their name; a copy is judged again before it leaves."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rorpost_gateway.daemon.operators import OperatorLines
from rorpost_gateway.daemon.relaying import judge_copy
from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.queue.base import Copy
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

OWN = frozenset({world.OURS})


async def queued(house: OutboundHouse, **message: Any) -> Copy:
    await house.submit(**message)
    (copy,) = await house.copies()
    return copy


def operator_lines(house: OutboundHouse) -> OperatorLines:
    return OperatorLines(house.log, house.records, lambda: house.in_force.policy.revision)


@pytest.mark.parametrize("event", ["held", "released", "removed"])
async def test_a_line_with_the_operators_name(house: OutboundHouse, event: Any) -> None:
    copy = await queued(house)
    await operator_lines(house).write(event, "drift", copy)
    (line,) = house.lines(event)
    assert {
        "operator": "drift",
        "queue_id": copy.message.queue_id,
        "recipient": world.BRINKEN,
        "reverse_path": world.HOME_CARE,
        "channel": "hemsjukvarden-region",
        "decision_id": copy.decision_id,
        "message_id": copy.message.message_id,
        "policy": house.in_force.policy.revision,
        "direction": "outbound",
    }.items() <= line.items()


async def test_an_identity_number_is_redacted_there_too(house: OutboundHouse) -> None:
    copy = await queued(house, message_id="<19121212-1212@klient>")
    await operator_lines(house).write("removed", "drift", copy)
    assert house.lines("removed")[0]["message_id"] == "[redacted]"


async def test_without_a_log_nothing_is_said_to_be_done(house: OutboundHouse) -> None:
    copy = await queued(house)
    house.disk.broken = True
    with pytest.raises(LogUnavailable):
        await operator_lines(house).write("removed", "drift", copy)


async def judged(house: OutboundHouse, *, days: float = 0) -> Verdict:
    (copy,) = await house.copies()
    return judge_copy(house.in_force, copy, own_domains=OWN, now=house.clock() + days * 86_400)


async def test_a_copy_that_may_still_leave(house: OutboundHouse) -> None:
    await queued(house)
    assert (await judged(house)).accepted
    assert (await judged(house, days=2)).accepted


async def test_a_copy_whose_channel_has_gone(house: OutboundHouse) -> None:
    await queued(house)
    house.set_policy({**house.policy_data, "channels": []})
    assert (await judged(house)).reason is Reason.PAIR_NOT_ALLOWED


async def test_a_copy_whose_channel_has_ended(house: OutboundHouse) -> None:
    await queued(house)
    today = datetime.fromtimestamp(house.clock(), tz=UTC).date()
    first = {**house.policy_data["channels"][0], "valid_from": today, "valid_until": today}
    house.set_policy({**house.policy_data, "channels": [first]})
    assert (await judged(house, days=2)).reason is Reason.CHANNEL_NOT_VALID


async def test_a_copy_whose_mailbox_has_gone(house: OutboundHouse) -> None:
    await queued(house)
    mailboxes = {name: box for name, box in house.policy_data["mailboxes"].items() if name != world.BRINKEN}
    house.set_policy({**house.policy_data, "mailboxes": mailboxes, "channels": []})
    assert (await judged(house)).reason is Reason.RECIPIENT_NOT_A_MAILBOX


async def test_a_copy_sealed_to_a_key_that_is_pinned_no_more(house: OutboundHouse) -> None:
    await queued(house)
    boxes = house.policy_data["mailboxes"]
    house.set_policy(
        {
            **house.policy_data,
            "mailboxes": {**boxes, world.BRINKEN: {**boxes[world.BRINKEN], "key": house.keys.two_user_ids}},
        }
    )
    assert (await judged(house)).reason is Reason.KEY_UNUSABLE


async def test_a_copy_whose_keys_have_expired(house: OutboundHouse) -> None:
    await queued(house)
    assert (await judged(house, days=800)).reason is Reason.KEY_EXPIRED
