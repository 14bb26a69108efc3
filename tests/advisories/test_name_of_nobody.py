"""The flaw: From showed a person whom nobody had stated.

Where a sending user need not be stated, the display name that a partner's mail client wrote was left
as it was: it looked exactly like a person that the gateway had verified.
"""

from pathlib import Path

import pytest

from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.inbound.deliver import Deliverer
from tests.peers import gateway_world as world
from tests.peers.inbound_house import OPTIONAL, InboundHouse


@pytest.mark.parametrize("stated", [False, True])
async def test_the_unit_is_shown_alone(way_in: InboundHouse, *, stated: bool) -> None:
    policy = way_in.policy_data
    policy["mailboxes"][OPTIONAL]["name"] = "Larmet, Regionen"
    way_in.set_policy(policy)
    author = f'"Eva Ek, Larmet" <{OPTIONAL}>'
    user = f"doris.ek@{world.THEIRS}" if stated else None
    message = way_in.partner.message(OPTIONAL, From=author, X_Rorpost_Sending_User=user)
    assert (await way_in.receive(message, sender=OPTIONAL)).reason == "ok"
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
    octets = await way_in.queue.sealed(copy.message.queue_id, copy.recipient)
    assert isinstance(await deliverer.deliver(copy, octets), Delivered)
    (file,) = Path(way_in.mail / copy.recipient / "new").iterdir()
    delivered = file.read_text()
    assert "Eva Ek" not in delivered
    assert (f'"doris.ek@{world.THEIRS}, Larmet"' in delivered) is stated
    assert ('From: "Larmet, Regionen"' in delivered) is not stated
