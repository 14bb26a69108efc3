"""SIGTERM and SIGHUP while something is in hand: it is finished, under the rules it began with."""

import signal

from tests.crash.scene import ACCEPTED, BOTH, Scene, without_channel
from tests.peers.gateway_world import BRINKEN, HOME_CARE, make_policy
from tests.peers.sink import Script
from tests.peers.submitting import make_message, submit
from tests.peers.whole_gateway import MakeGateway

ONCE_EACH = dict.fromkeys(BOTH, 1)


def test_sigterm_during_a_message_lets_it_be_taken(scene: Scene) -> None:
    gateway = scene.gateway
    gateway.start()
    with gateway.connect() as client:
        assert client.envelope(HOME_CARE, BOTH).code == 250
        assert client.begin_data()[0] == 354
        client.send(ACCEPTED[:-20])
        gateway.running.send(signal.SIGTERM)
        gateway.running.wait_for_event("stopping")
        client.send(ACCEPTED[-20:] + b".\r\n")
        heard = client.answer()
        assert heard.accepted
        assert client.getreply()[0] == 421
    assert gateway.running.wait() == 0
    assert gateway.lines_of("stop")
    scene.settle()
    assert scene.arrivals() == ONCE_EACH
    assert scene.repeat().queue_id == heard.queue_id
    scene.end(refused_lines=0)


def test_sigterm_before_the_message_takes_nothing(scene: Scene) -> None:
    gateway = scene.gateway
    gateway.start()
    with gateway.connect() as client:
        assert client.envelope(HOME_CARE, BOTH).code == 250
        gateway.running.send(signal.SIGTERM)
        code, text = client.getreply()
        assert (code, b"[shutting-down]" in text) == (421, True)
    assert gateway.running.wait() == 0
    assert not gateway.queue_rows()
    assert not gateway.lines_of("decision")


def test_sigterm_with_copies_under_way_waits_for_their_answers(whole_gateway: MakeGateway) -> None:
    scene = Scene(gateway=whole_gateway(script=Script(silent_at="message")))
    gateway = scene.gateway
    gateway.start()
    assert scene.submit().accepted
    gateway.wait_for_arrivals(len(BOTH))
    gateway.running.send(signal.SIGTERM)
    gateway.running.wait_for_event("stopping")
    gateway.next_hop.let_go()
    assert gateway.running.wait() == 0
    assert not gateway.queue_rows()
    assert len(gateway.lines_of("relayed")) == len(BOTH)
    scene.settle()
    assert scene.arrivals() == ONCE_EACH
    scene.end(refused_lines=0)


def test_sigterm_with_a_copy_claimed_and_not_begun_leaves_it_for_the_next_start(
    whole_gateway: MakeGateway,
) -> None:
    one_at_a_time = {"relay": {"default": {"connections": 1}}}
    scene = Scene(gateway=whole_gateway(config=one_at_a_time, script=Script(silent_at="message")))
    gateway = scene.gateway
    gateway.start()
    assert scene.submit().accepted
    gateway.wait_for_arrivals(1)
    assert [row["state"] for row in gateway.queue_rows()] == ["claimed", "claimed"]
    gateway.running.send(signal.SIGTERM)
    # Its listeners are closed by then, and then its control socket; the relay begins nothing from there on.
    gateway.until(lambda: not (gateway.state / "control.socket").exists(), what="the control socket gone")
    gateway.next_hop.let_go()
    assert gateway.running.wait() == 0
    assert len(gateway.queue_rows()) == 1
    scene.settle()
    assert scene.arrivals() == ONCE_EACH
    scene.end(refused_lines=0)


def test_sigkill_while_sigterm_waits_for_a_silent_next_hop(whole_gateway: MakeGateway) -> None:
    """As a supervisor does whose patience is over."""
    scene = Scene(gateway=whole_gateway(script=Script(silent_at="message")))
    gateway = scene.gateway
    gateway.start()
    assert scene.submit().accepted
    gateway.wait_for_arrivals(len(BOTH))
    gateway.running.send(signal.SIGTERM)
    gateway.running.wait_for_event("stopping")
    assert gateway.kill() == -signal.SIGKILL
    gateway.next_hop.let_go()
    scene.settle()
    assert scene.arrivals() == dict.fromkeys(BOTH, 2)
    scene.end(refused_lines=0)


def test_sighup_during_a_transaction_leaves_it_its_revision(scene: Scene) -> None:
    gateway = scene.gateway
    gateway.start()
    changed = make_policy(gateway.keys)
    changed["mailboxes"][BRINKEN]["phone"] = "010-103 11 11"
    with gateway.connect() as client:
        assert client.envelope(HOME_CARE, BOTH).code == 250
        assert client.begin_data()[0] == 354
        gateway.set_policy(changed)
        assert gateway.reload()
        client.send_message_octets(ACCEPTED)
        assert client.answer().accepted
        again = make_message(recipients=BOTH, message_id="<tre@klient.motala.se>", body="FLADDERMUSEN igen")
        assert submit(client, again, recipients=BOTH).accepted
    gateway.wait_until_empty()
    before, after = (line["revision"] for line in gateway.lines_of("policy"))
    assert before != after
    assert [line["policy"] for line in gateway.lines_of("decision")] == [before, before, after, after]
    scene.end(refused_lines=0)


def test_sighup_with_a_policy_that_takes_the_channel_away(scene: Scene) -> None:
    """What was begun is taken under the old policy, and stays here under the new one."""
    gateway = scene.gateway
    gateway.start()
    with gateway.connect() as client:
        assert client.envelope(HOME_CARE, BOTH).code == 250
        assert client.begin_data()[0] == 354
        gateway.set_policy(without_channel(make_policy(gateway.keys)))
        assert gateway.reload()
        client.send_message_octets(ACCEPTED)
        assert client.answer().accepted
        refused = submit(client, ACCEPTED, recipients=BOTH)
        assert (refused.step, refused.reason) == ("RCPT", "pair-not-allowed")
    gateway.until(
        lambda: [row["state"] for row in gateway.queue_rows()] == ["held"] * len(BOTH), what="both on hold"
    )
    assert not gateway.next_hop.connections
    assert gateway.kill() == -signal.SIGKILL
    gateway.start()
    assert [row["state"] for row in gateway.queue_rows()] == ["held"] * len(BOTH)
    assert gateway.stop() == 0
    gateway.verify_log()


def test_sighup_with_a_broken_policy_changes_nothing(scene: Scene) -> None:
    gateway = scene.gateway
    gateway.start()
    gateway.set_policy("mailboxes: [\n")
    assert not gateway.reload()
    assert scene.submit().accepted
    gateway.wait_until_empty()
    assert len(gateway.lines_of("policy")) == 1
    scene.end(refused_lines=0)
