"""pgp-milter: one recipient without a key, and the whole message went out in clear, to everybody.

gpg-mailgate: the recipient without a key got a clear copy.
"""

import pytest

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.whole_gateway import MakeGateway

WORD = "KROPPSORDET"
UNSEALABLE = (world.KEY_MISSING, world.KEY_EXPIRED, world.KEY_REVOKED, world.KEY_UNUSABLE)


@pytest.mark.parametrize("without", UNSEALABLE)
def test_who_cannot_be_sealed_to_gets_nothing_and_the_other_a_sealed_copy(
    whole_gateway: MakeGateway, without: str
) -> None:
    gateway = whole_gateway()
    gateway.start()
    heard = gateway.submit(recipients=(without, world.BRINKEN), body=WORD)
    assert heard.recipients[without][0] == 550
    assert heard.accepted
    gateway.wait_until_relayed(1)
    gateway.wait_until_empty()
    [arrival] = gateway.next_hop.arrivals
    assert arrival.recipient == world.BRINKEN
    assert WORD.encode() in open_with_gpg(gateway.keys.receiver_home, arrival.sealed)
    assert WORD.encode() not in gateway.next_hop.octets
    assert f"RCPT TO:<{without}>".encode() not in gateway.next_hop.octets
