"""The flaw: a message between two mailboxes of ours was taken with 250 and then never delivered.

It was judged again when it was opened, as if a partner had sealed it: without the login that it was
submitted with. A sending user who is known by the login, or goes by an alias, was nobody then. Whose
message it is was decided at the prompt, and stands under our own signature; pair and keys are judged again.
"""

from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.inbound.deliver import Deliverer, NoLongerAllowed
from tests.peers import gateway_world as world
from tests.peers.inbound_house import MARKER, REHAB, InboundHouse

ALIAS = f"anna@{world.OURS}"


def use(way_in: InboundHouse, **rules: Any) -> None:
    policy = way_in.policy_data
    for channel in policy["channels"]:
        if channel["name"] == "hemsjukvarden-rehab":
            channel["rules"] = rules
    way_in.set_policy(policy)


async def delivered(way_in: InboundHouse) -> bytes:
    """Deliver the one copy in the queue; what lies in its mailbox then."""
    (copy,) = await way_in.copies()
    deliverer = Deliverer(
        opener=way_in.opener,
        delivery=MaildirDelivery(way_in.mail),
        in_force=lambda: way_in.in_force,
        now=way_in.clock,
        hostname="gw.motala.se",
        own_domains=frozenset({world.OURS}),
        longest_octets=1_000_000,
        show_person=True,
    )
    outcome = await deliverer.deliver(copy, await way_in.queue.sealed(copy.message.queue_id, REHAB))
    assert isinstance(outcome, Delivered)
    (file,) = Path(way_in.mail / REHAB / "new").iterdir()
    return file.read_bytes()


@pytest.mark.parametrize("sources", [["login"], ["sender", "login"], ["login", "header"]])
async def test_a_user_known_by_the_login(way_in: InboundHouse, sources: list[str]) -> None:
    use(way_in, declared_user={"sources": sources})
    heard = await way_in.submit(recipients=(REHAB,), body=MARKER, X_Rorpost_Sending_User=None)
    assert heard.reason == "ok"
    assert b"sending-user=anna.berg@motala.se" in await delivered(way_in)


async def test_a_user_by_an_alias(way_in: InboundHouse) -> None:
    client = way_in.client(aliases=(ALIAS,))
    assert (await way_in.submit(recipients=(REHAB,), user=ALIAS, client=client)).reason == "ok"
    assert b"sending-user=anna@motala.se" in await delivered(way_in)


async def test_a_user_by_two_of_their_names(way_in: InboundHouse) -> None:
    client = way_in.client(aliases=(ALIAS,))
    heard = await way_in.submit(recipients=(REHAB,), user=ALIAS, client=client, Sender=world.ANNA)
    assert heard.reason == "ok"
    assert b"sending-user=anna@motala.se" in await delivered(way_in)


async def test_another_name_of_the_field(way_in: InboundHouse) -> None:
    use(way_in, declared_user={"sources": ["login"], "header": "X-Person"})
    assert (await way_in.submit(recipients=(REHAB,), X_Rorpost_Sending_User=None)).reason == "ok"
    assert b"sending-user=anna.berg@motala.se" in await delivered(way_in)


async def test_a_pair_that_is_no_longer_allowed_goes_on_hold_all_the_same(way_in: InboundHouse) -> None:
    assert (await way_in.submit(recipients=(REHAB,))).reason == "ok"
    policy = way_in.policy_data
    policy["channels"] = [each for each in policy["channels"] if each["name"] != "hemsjukvarden-rehab"]
    way_in.set_policy(policy)
    with pytest.raises(NoLongerAllowed) as refusal:
        await delivered(way_in)
    assert refusal.value.reason is Reason.PAIR_NOT_ALLOWED
