"""Several recipients: each is decided alone at RCPT, and gets a copy of its own."""

from tests.e2e.scenario import MakeScenario
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import gpg, open_with_gpg, subkeys


def test_one_of_two_is_refused_at_rcpt(scenario: MakeScenario) -> None:
    gateway = scenario()
    heard = gateway.submit(recipients=(world.NO_CHANNEL, world.BRINKEN))
    assert heard.recipients[world.NO_CHANNEL][0] == 550
    assert "[pair-not-allowed]" in heard.recipients[world.NO_CHANNEL][1]
    assert heard.recipients[world.BRINKEN][0] == 250
    assert heard.accepted
    gateway.wait_until_relayed(1)
    [refused, accepted] = gateway.decisions()
    assert (refused["recipient"], refused["reason"]) == (world.NO_CHANNEL, "pair-not-allowed")
    assert (accepted["recipient"], accepted["reason"]) == (world.BRINKEN, "ok")
    [arrival] = gateway.next_hop.arrivals
    assert arrival.recipient == world.BRINKEN
    assert world.NO_CHANNEL.encode() not in gateway.next_hop.octets


def test_each_copy_is_sealed_to_its_recipient_alone(scenario: MakeScenario) -> None:
    gateway = scenario()
    assert gateway.submit(recipients=(world.BRINKEN, world.LYCKORNA)).accepted
    gateway.wait_until_relayed(2)
    keys = gateway.keys
    wanted = {world.BRINKEN: keys.receiver, world.LYCKORNA: keys.two_user_ids}
    copies = {arrival.recipient: arrival.sealed for arrival in gateway.next_hop.arrivals}
    assert copies.keys() == wanted.keys()
    for recipient, sealed in copies.items():
        packets = gpg(keys.receiver_home, "--list-packets", stdin=sealed).decode()
        [encryption_key] = subkeys(keys.receiver_home, wanted[recipient])
        assert packets.count(":pubkey enc packet:") == 1
        assert f"keyid {encryption_key[-16:]}" in packets
        opened = open_with_gpg(keys.receiver_home, sealed)
        assert f"HP-Outer: To: {recipient}\r\n".encode() in opened
    lines = {line["recipient"]: line for line in gateway.decisions()}
    assert {recipient: line["encrypted_to"] for recipient, line in lines.items()} == wanted
    assert len({line["queue_id"] for line in lines.values()}) == 1
    assert len({line["decision_id"] for line in lines.values()}) == 2
