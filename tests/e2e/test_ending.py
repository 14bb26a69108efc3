"""SIGTERM: what is in hand is finished, what is not is told to come back, and the exit code is 0."""

import signal
import smtplib

import pytest

from tests.e2e.scenario import MakeScenario
from tests.peers import gateway_world as world
from tests.peers.sink import Script
from tests.peers.submitting import make_message


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_message_on_its_way_in_is_taken(scenario: MakeScenario, number: signal.Signals) -> None:
    gateway = scenario()
    octets = make_message()
    with gateway.connect() as idle, gateway.connect() as busy:
        assert busy.envelope(world.HOME_CARE, (world.BRINKEN,)).code == 250
        busy.begin_data()
        busy.send(octets[:100])
        gateway.running.send(number)
        code, text = idle.getreply()
        assert (code, text.startswith(b"4.3.2 [shutting-down] ")) == (421, True)
        busy.send(octets[100:] + b".\r\n")
        heard = busy.answer()
        assert heard.reason == "ok"
        idle.close()
        busy.close()
    assert gateway.running.wait() == 0
    [line] = gateway.decisions()
    assert (line["reason"], line["queue_id"]) == ("ok", heard.queue_id)
    assert gateway.log_lines()[-1]["event"] == "stop"
    gateway.start()
    gateway.wait_until_relayed(1)
    assert len(gateway.next_hop.arrivals) == 1


def test_nothing_new_is_let_in(scenario: MakeScenario) -> None:
    gateway = scenario()
    with gateway.connect() as busy:
        assert busy.envelope(world.HOME_CARE, (world.BRINKEN,)).code == 250
        busy.begin_data()
        gateway.running.send(signal.SIGTERM)
        gateway.running.wait_for_event("stopping")
        # Refused, reset or told to come back: it depends on the moment.
        with pytest.raises((ConnectionError, smtplib.SMTPException)):
            gateway.connect()
        busy.send_message_octets(make_message())
        assert busy.answer().reason == "ok"
        busy.close()
    assert gateway.running.wait() == 0


def test_an_attempt_in_hand_is_settled(scenario: MakeScenario) -> None:
    gateway = scenario(script=Script(silent_at="message"))
    assert gateway.submit().accepted
    gateway.wait_for_arrivals(1)
    gateway.running.send(signal.SIGTERM)
    gateway.running.wait_for_event("stopping")
    gateway.next_hop.let_go()
    assert gateway.running.wait() == 0
    assert len(gateway.lines_of("relayed")) == 1
    assert not gateway.queue_rows()
