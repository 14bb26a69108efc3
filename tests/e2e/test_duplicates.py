"""Outlook repeats a submission whose answer it did not hear: one message goes to the partner."""

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.scenario import MakeScenario
from tests.peers import gateway_world as world
from tests.peers.submitting import Heard, make_message


def test_the_same_submission_twice_one_after_the_other(scenario: MakeScenario) -> None:
    gateway = scenario()
    octets = make_message()
    first, second = gateway.submit(octets), gateway.submit(octets)
    assert (first.reason, second.reason) == ("ok", "duplicate")
    assert first.queue_id == second.queue_id
    gateway.wait_until_relayed(1)
    third = gateway.submit(octets)  # remembered after it has left the queue, too
    assert (third.reason, third.queue_id) == ("duplicate", first.queue_id)
    gateway.wait_until_empty()
    assert len(gateway.next_hop.arrivals) == 1
    assert [line["reason"] for line in gateway.decisions()] == ["ok", "duplicate", "duplicate"]
    assert gateway.stop() == 0
    gateway.start()
    assert gateway.submit(octets).reason == "duplicate"  # and after a restart
    assert len(gateway.next_hop.arrivals) == 1


def test_the_same_submission_many_times_at_once(scenario: MakeScenario) -> None:
    gateway = scenario()
    recipients = (world.BRINKEN, world.LYCKORNA)
    octets = make_message(recipients=recipients)

    def submit(_: int) -> Heard:
        return gateway.submit(octets, recipients=recipients)

    with ThreadPoolExecutor(4) as clients:
        heard = list(clients.map(submit, range(4)))
    assert sorted(str(each.reason) for each in heard) == ["duplicate", "duplicate", "duplicate", "ok"]
    assert len({each.queue_id for each in heard}) == 1
    gateway.wait_until_relayed(2)
    gateway.wait_until_empty()
    assert sorted(arrival.recipient for arrival in gateway.next_hop.arrivals) == list(recipients)


def test_another_recipient_of_the_same_message_is_no_duplicate(scenario: MakeScenario) -> None:
    gateway = scenario()
    octets = make_message(recipients=(world.BRINKEN, world.LYCKORNA))
    assert gateway.submit(octets).reason == "ok"
    both = gateway.submit(octets, recipients=(world.BRINKEN, world.LYCKORNA))
    assert both.reason == "ok"
    gateway.wait_until_relayed(2)
    assert [(line["recipient"], line["reason"]) for line in gateway.decisions()] == [
        (world.BRINKEN, "ok"),
        (world.BRINKEN, "duplicate"),
        (world.LYCKORNA, "ok"),
    ]
    assert sorted(arrival.recipient for arrival in gateway.next_hop.arrivals) == [
        world.BRINKEN,
        world.LYCKORNA,
    ]


def test_another_content_under_the_same_message_id_is_no_duplicate(scenario: MakeScenario) -> None:
    gateway = scenario()
    assert gateway.submit(body="Hej").reason == "ok"
    assert gateway.submit(body="Hej igen").reason == "ok"
    gateway.wait_until_relayed(2)
    assert len(gateway.next_hop.arrivals) == 2
