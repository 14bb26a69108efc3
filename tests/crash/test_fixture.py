from tests.peers.whole_gateway import MakeGateway
from tests.peers import gateway_world as w
def test_it(whole_gateway: MakeGateway) -> None:
    g = whole_gateway()
    g.start()
    h = g.submit(body="FLADERMUS", recipients=(w.BRINKEN, w.LYCKORNA))
    print(h)
    assert h.accepted
    h = g.submit(body="FLADERMUS", recipients=(w.NO_CHANNEL,))
    print(h)
    h = g.submit(body="FLADERMUS", user=w.BO)
    print(h)
    g.wait_until_relayed(2)
    g.wait_until_empty()
    assert g.reload()
    assert g.stop() == 0
    print(g.verify_log())
    assert not g.holds(b"FLADERMUS")
    print([(a.recipient, a.outer_message_id) for a in g.next_hop.arrivals])
    from tests.peers.gnupg_home import open_with_gpg
    print(open_with_gpg(g.keys.receiver_home, g.next_hop.arrivals[0].sealed))
    print(g.operator_lines)
    assert 0
