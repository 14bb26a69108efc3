"""The flaw: ORCPT, which a client fills in as it likes, went on to the next hop outside the seal.

It is meant for addresses, and Exchange writes there whom a message was first addressed to; nothing
keeps an identity number or a word of content out of it. The partner's server logs it, and repeats it
in its DSNs. What goes on names the recipient of the copy, whom the partner knows anyway.
"""

from tests.peers import gateway_world as world
from tests.peers.whole_gateway import MakeGateway

ORIGINAL = "rfc822;19811218-9876.anna.berg+40inne.motala.se"


def test_nothing_of_the_clients_own_goes_on(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    gateway.start()
    options = (f"ORCPT={ORIGINAL}", "NOTIFY=FAILURE")
    assert gateway.submit(options=options).accepted
    gateway.wait_until_relayed(1)
    commands = [line for connection in gateway.next_hop.connections for line in connection.lines]
    [rcpt] = [line for line in commands if line.startswith("RCPT")]
    assert rcpt == f"RCPT TO:<{world.BRINKEN}> NOTIFY=FAILURE ORCPT=rfc822;{world.BRINKEN}"
    assert not [line for line in commands if "9876" in line or "inne" in line]
