"""The pattern of PGPy in pgp-milter: of several recipients only the first could decrypt."""

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.whole_gateway import MakeGateway

WORD = "KROPPSORDET"


def test_each_of_three_opens_the_copy_that_came_to_it(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    gateway.start()
    three = (world.BRINKEN, world.LYCKORNA, world.HOSPITAL)
    assert gateway.submit(recipients=three, body=WORD, X_Rorpost_Legal_Basis="samtycke").accepted
    gateway.wait_until_relayed(3)
    arrivals = {arrival.recipient: arrival for arrival in gateway.next_hop.arrivals}
    assert arrivals.keys() == set(three)
    for arrival in arrivals.values():
        assert WORD.encode() in open_with_gpg(gateway.keys.receiver_home, arrival.sealed)
    assert len({arrival.outer_message_id for arrival in arrivals.values()}) == 3
