"""The flaw: mail that disappeared, or arrived blank, because the key was missing or gpg failed.

A filter took gpg's empty output for the message, or took none and ended 0. Here a message that cannot
be opened is not taken, one that cannot be opened any more stays in the queue, and nothing is delivered.
"""

import pytest

from rorpost_gateway.inbound.deliver import NoLongerAllowed, NotOpened
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import copy_home, remove_home
from tests.peers.inbound_house import InboundHouse


@pytest.mark.parametrize("binary", ["/bin/false", "/bin/true", "/nowhere/gpg"])
async def test_with_a_gpg_that_does_not_work_nothing_is_taken_or_delivered(
    way_in: InboundHouse, binary: str
) -> None:
    octets = way_in.partner.message()
    copy, queued = await way_in.taken(octets)
    broken = GnupgOpener(way_in.keys.sender_home, None, binary=binary)
    try:
        way_in.use_opener(broken)
        with pytest.raises(NotOpened):
            await way_in.deliverer().deliver(copy, queued)
        heard = await way_in.receive(way_in.partner.message(Message_ID="<2@x.se>"))
    finally:
        await broken.close()
    assert (heard.reply.code, heard.reason) == (451, "gateway-fault")
    assert way_in.delivered() == []
    assert [each.name for each in await way_in.copies()] == [copy.name]


async def test_without_the_private_key_nothing_is_taken_or_delivered(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    home = copy_home(way_in.keys.sender_home)
    opener = GnupgOpener(home, None)
    try:
        for path in (home / "private-keys-v1.d").iterdir():
            path.unlink()
        way_in.use_opener(opener)
        with pytest.raises((NotOpened, NoLongerAllowed)):
            await way_in.deliverer().deliver(copy, queued)
        heard = await way_in.receive(way_in.partner.message(Message_ID="<2@x.se>"))
    finally:
        await opener.close()
        remove_home(home)
    assert heard.reply.code in {451, 550}
    assert way_in.delivered() == []
    assert [each.name for each in await way_in.copies()] == [copy.name]
