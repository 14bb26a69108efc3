"""The flaw: a transaction was decided by the policy it began with, for as long as its client kept it open.

MAIL, RCPT, then NOOP every few minutes: whoever did that before an authorisation or a login
was removed could still send afterwards. A reload may wait for a transaction, but not for long.
"""

import copy

import pytest

from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.outbound.transaction import OutboundTransaction
from rorpost_gateway.reception.transaction import KEEPS_REVISION_SECONDS
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.submitting import make_message


async def begun(house: OutboundHouse) -> OutboundTransaction:
    transaction = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE))
    assert isinstance(transaction, OutboundTransaction)
    assert (await transaction.recipient(Recipient(address=world.BRINKEN))).positive
    return transaction


def remove_anna(house: OutboundHouse) -> None:
    policy = copy.deepcopy(house.policy_data)
    users = policy["mailboxes"][world.HOME_CARE]["users"]
    users[:] = [user for user in users if user["user"] != world.ANNA]
    house.set_policy(policy)


async def test_a_removed_authorisation_does_not_live_on(house: OutboundHouse) -> None:
    transaction = await begun(house)
    remove_anna(house)
    house.clock.now += KEEPS_REVISION_SECONDS + 1
    reply = await transaction.message(make_message())
    assert (reply.code, reply.reason) == (550, "user-not-authorised")
    [line] = house.lines()
    assert line["policy"] == house.in_force.policy.revision
    assert await house.copies() == []


async def test_a_removed_channel_does_not_live_on(house: OutboundHouse) -> None:
    transaction = await begun(house)
    policy = copy.deepcopy(house.policy_data)
    policy["channels"] = [each for each in policy["channels"] if each["name"] != "hemsjukvarden-region"]
    house.set_policy(policy)
    house.clock.now += KEEPS_REVISION_SECONDS + 1
    assert (await transaction.message(make_message())).reason == "pair-not-allowed"
    assert await house.copies() == []


async def test_a_removed_login_does_not_live_on(house: OutboundHouse) -> None:
    transaction = await begun(house)
    users = house.folder / "users.yaml"
    users.write_text(users.read_text(encoding="utf-8").replace('"anna"', '"anna.b"'), encoding="utf-8")
    house.set_policy(house.policy_data)
    assert not house.in_force.logins.knows("anna")
    house.clock.now += KEEPS_REVISION_SECONDS + 1
    reply = await transaction.message(make_message())
    assert (reply.code, reply.reason) == (530, "login-required")
    assert [line["reason"] for line in house.lines()] == ["login-required"]
    assert await house.copies() == []


@pytest.mark.parametrize("seconds", [0, KEEPS_REVISION_SECONDS])
async def test_one_that_goes_on_at_once_keeps_what_it_began_with(
    house: OutboundHouse, seconds: float
) -> None:
    transaction = await begun(house)
    remove_anna(house)
    house.clock.now += seconds
    assert (await transaction.message(make_message())).reason == "ok"


async def test_without_a_reload_a_slow_client_is_served(house: OutboundHouse) -> None:
    transaction = await begun(house)
    house.clock.now += 10 * KEEPS_REVISION_SECONDS
    assert (await transaction.message(make_message())).reason == "ok"
