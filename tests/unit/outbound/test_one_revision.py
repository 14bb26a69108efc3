"""Whatever is put in force while a message comes in, one revision decides it from MAIL to its lines."""

import asyncio
import copy
from dataclasses import dataclass
from typing import Any

from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.outbound.transaction import OutboundTransaction
from rorpost_gateway.reception.house import InForce
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.submitting import make_message

BOTH = (world.BRINKEN, world.LYCKORNA)
ALL, CLOSED, REMOVED = "all allowed", "the channel to Lyckorna closed", "Anna removed"
HEARD = {
    ALL: (None, None, "ok"),
    CLOSED: (None, "pair-not-allowed", "ok"),
    REMOVED: (None, None, "user-not-authorised"),
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one client heard, of a transaction that began while `began_under` was in force."""

    began_under: str
    message_id: str
    heard: tuple[str | None, ...]


def in_force_by_name(house: OutboundHouse) -> dict[str, InForce]:
    """Three policies, loaded once each."""
    closed, removed = copy.deepcopy(house.policy_data), copy.deepcopy(house.policy_data)
    closed["channels"][0]["to"].remove(world.LYCKORNA)
    users = removed["mailboxes"][world.HOME_CARE]["users"]
    users[:] = [user for user in users if user["user"] != world.ANNA]
    found: dict[str, InForce] = {}
    for name, policy in {CLOSED: closed, REMOVED: removed, ALL: house.policy_data}.items():
        house.set_policy(policy)
        found[name] = house.in_force
    return found


async def client(house: OutboundHouse, names: dict[str, str], number: int) -> Told:
    """A message to two, with time for a reload before every step."""
    began_under = names[house.in_force.policy.revision]
    message_id = f"<{number}@klient>"
    transaction = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE))
    assert isinstance(transaction, OutboundTransaction)
    heard = []
    for address in BOTH:
        for _ in range(number % 5):
            await asyncio.sleep(0)
        reply = await transaction.recipient(Recipient(address=address))
        heard.append(None if reply.positive else reply.reason)
    await asyncio.sleep(0)
    reply = await transaction.message(make_message(recipients=BOTH, message_id=message_id, body=message_id))
    return Told(began_under=began_under, message_id=message_id, heard=(*heard, reply.reason))


async def test_every_message_is_decided_by_the_revision_it_began_with(house: OutboundHouse) -> None:
    policies = in_force_by_name(house)
    names = {one.policy.revision: name for name, one in policies.items()}
    clients: list[asyncio.Task[Told]] = []

    async def keep_reloading() -> None:
        turn = 0
        while not all(task.done() for task in clients):
            house.in_force = list(policies.values())[turn % len(policies)]
            turn += 1
            await asyncio.sleep(0)

    for number in range(24):
        house.in_force = list(policies.values())[number % len(policies)]
        clients.append(asyncio.create_task(client(house, names, number)))
        await asyncio.sleep(0)  # it begins
    reloading = asyncio.create_task(keep_reloading())
    async with asyncio.timeout(60):
        told = await asyncio.gather(*clients)
        await reloading

    assert {one.began_under for one in told} == set(policies)
    assert [one.heard for one in told] == [HEARD[one.began_under] for one in told]
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in house.lines():
        lines.setdefault(line.get("message_id", ""), []).append(line)
    for line in lines.pop("", []):  # refused at RCPT, before there was a message
        assert (line["reason"], names[line["policy"]]) == ("pair-not-allowed", CLOSED)
    for one in told:
        assert {names[line["policy"]] for line in lines[one.message_id]} == {one.began_under}
