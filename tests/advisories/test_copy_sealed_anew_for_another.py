"""The flaw: one of several recipients opens the copy and seals it, signature and all, to another one.

Surreptitious forwarding (Davis, 2001). The other mailbox stands in the protected To as well, and the
replay guard knows nothing of it, since each copy of a gateway like this one has its own salt: so it
would get the message a second time, or though its sender's gateway had refused to send it there. The
copy says under its signature whom it is for.
"""

from email.utils import parsedate_to_datetime

import pytest

from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import Added, Outer, protect, wrap
from tests.peers import gateway_world as world
from tests.peers.inbound_house import DORIS, REHAB, InboundHouse


def copy_for(way_in: InboundHouse, recipient: str) -> tuple[bytes, Outer]:
    """The payload of one copy of a message to both mailboxes, and what stands outside."""
    partner = way_in.partner
    moment = parsedate_to_datetime(partner.date)
    outer = Outer(
        author=world.BRINKEN,
        recipient=recipient,
        date=moment,
        message_id=f"<{'a' * 32}@{world.THEIRS}>",
        hostname=f"gw.{world.THEIRS}",
        queue_id="4711",
        received_at=moment,
    )
    submitted = parse_message(partner.payload(to=(world.HOME_CARE, REHAB), protection=""))
    return protect(submitted, Added(sending_user=DORIS, channel="c", salt=bytes(16), outer=outer)), outer


async def test_it_is_refused(way_in: InboundHouse) -> None:
    payload, outer = copy_for(way_in, world.HOME_CARE)
    anew = wrap(way_in.partner.seal(payload, to=way_in.keys.rehab), outer)
    heard = await way_in.receive(anew, recipients=(REHAB,))
    assert heard.reason == "hidden-recipient"
    assert not await way_in.copies()


async def test_as_it_is_it_goes_to_nobody_else(way_in: InboundHouse) -> None:
    payload, outer = copy_for(way_in, world.HOME_CARE)
    message = wrap(way_in.partner.seal(payload), outer)
    assert (await way_in.receive(message, recipients=(world.HOME_CARE, REHAB))).reason == "hidden-recipient"
    assert (await way_in.receive(message, recipients=(REHAB,))).reason == "hidden-recipient"


@pytest.mark.parametrize("recipient", [world.HOME_CARE, REHAB])
async def test_each_ones_own_copy_arrives(way_in: InboundHouse, recipient: str) -> None:
    payload, outer = copy_for(way_in, recipient)
    key = {world.HOME_CARE: way_in.keys.sender, REHAB: way_in.keys.rehab}[recipient]
    message = wrap(way_in.partner.seal(payload, to=key), outer)
    assert (await way_in.receive(message, recipients=(recipient,))).reason == "ok"
