"""The queue's verbs against the live daemon: what they do, and the line with the operator's name."""

import getpass
import json
from typing import Any

import pytest

from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import gateway_world as world
from tests.peers.sink import Script

PATIENT = {"relay": {"retry": {"first": "1h", "longest": "1h"}}}


def busy() -> Script:
    return Script(answers={"MAIL": b"451 4.3.0 not just now\r\n"})


def listed(gateway: Scenario) -> list[dict[str, Any]]:
    entries = json.loads(gateway.rorpost("queue", "list", "--json"))
    assert isinstance(entries, list)
    return entries


def deferred(gateway: Scenario, **message: Any) -> str:
    """Submit what the next hop does not take yet; its queue id."""
    heard = gateway.submit(**message)
    assert heard.queue_id is not None
    queue_id = heard.queue_id
    gateway.until(lambda: gateway.lines_of("deferred", queue_id=queue_id), what="the first attempt")
    return queue_id


def test_list_and_show_tell_no_content(scenario: MakeScenario) -> None:
    gateway = scenario(script=busy(), config=PATIENT)
    assert "empty" in gateway.rorpost("queue", "list")
    assert listed(gateway) == []
    both = (world.BRINKEN, world.LYCKORNA)
    queue_id = deferred(gateway, subject="AMNESORD", body="KROPPSORD", recipients=both)
    gateway.until(lambda: len(gateway.lines_of("deferred")) == len(both), what="both attempts")
    entries = listed(gateway)
    assert tuple(entry["recipient"] for entry in entries) == both
    assert {entry["queue_id"] for entry in entries} == {queue_id}
    assert entries[0]["last_reply"] == "451 4.3.0 not just now"
    shown = gateway.rorpost("queue", "show", queue_id)
    one = gateway.rorpost("queue", "show", f"{queue_id}/{world.LYCKORNA}", "--json")
    assert [entry["recipient"] for entry in json.loads(one)] == [world.LYCKORNA]
    assert world.BRINKEN in shown
    for text in (shown, one, gateway.rorpost("queue", "list")):
        assert "AMNESORD" not in text
        assert "KROPPSORD" not in text
        assert "PGP MESSAGE" not in text
    gateway.rorpost("queue", "show", "0000000000000000", code=1)
    gateway.rorpost("queue", "show", "../../etc/passwd", code=2)


def test_hold_release_retry_remove(scenario: MakeScenario) -> None:
    gateway = scenario(script=busy(), config=PATIENT)
    kept = deferred(gateway, body="behalls")
    thrown = deferred(gateway, body="kastas")

    assert gateway.rorpost("queue", "hold", kept).startswith("1 of 1")
    assert {row["queue_id"]: row["state"] for row in gateway.queue_rows()}[kept] == "held"
    gateway.next_hop.script.answers.clear()
    assert gateway.rorpost("queue", "retry", kept, code=1).startswith("0 of 1")
    assert gateway.rorpost("queue", "remove", thrown).startswith("1 of 1")
    assert gateway.rorpost("queue", "release", "ALL").startswith("1 of 1")
    gateway.wait_until_relayed(1)
    gateway.wait_until_empty()
    assert len(gateway.next_hop.arrivals) == 1

    for event, queue_id in (("held", kept), ("removed", thrown), ("released", kept)):
        [line] = gateway.lines_of(event, queue_id=queue_id)
        assert line["operator"] == getpass.getuser()
        assert line["recipient"] == world.BRINKEN
        [decision] = gateway.decisions(queue_id=queue_id)
        assert line["decision_id"] == decision["decision_id"]
    assert not gateway.lines_of("relayed", queue_id=thrown)
    gateway.rorpost("queue", "remove", thrown, code=1)


def test_retry_now(scenario: MakeScenario) -> None:
    gateway = scenario(script=busy(), config=PATIENT)
    queue_id = deferred(gateway)
    gateway.next_hop.script.answers.clear()
    assert gateway.rorpost("queue", "retry", queue_id).startswith("1 of 1")
    gateway.wait_until_relayed(1)
    [line] = gateway.lines_of("relayed")
    assert line["attempt"] == 2


@pytest.mark.parametrize("cause", ["pair", "key"])
def test_what_is_no_longer_allowed_is_held(scenario: MakeScenario, cause: str) -> None:
    gateway = scenario(script=busy())
    queue_id = deferred(gateway, subject="AMNESORD", body="KROPPSORD")
    changed = dict(gateway.policy)
    if cause == "pair":
        changed["channels"] = [
            {**channel, "to": [world.LYCKORNA]} if channel["name"] == "hemsjukvarden-region" else channel
            for channel in gateway.policy["channels"]
        ]
    else:
        brinken = {**gateway.policy["mailboxes"][world.BRINKEN], "key": gateway.keys.two_user_ids}
        changed["mailboxes"] = {**gateway.policy["mailboxes"], world.BRINKEN: brinken}
    gateway.set_policy(changed)
    assert gateway.reload()
    gateway.next_hop.script.answers.clear()
    [line] = gateway.until(lambda: gateway.lines_of("held"), what="the copy on hold")
    reason = {"pair": "pair-not-allowed", "key": "key-unusable"}[cause]
    assert (line["queue_id"], line["action"], line["reason"]) == (queue_id, "defer", reason)
    [notice] = gateway.until(gateway.notices, what="the notice to the sender")
    text = notice.read_bytes()
    assert world.PHONE_THEIRS.encode() in text
    assert b"AMNESORD" not in text
    assert b"KROPPSORD" not in text
    [entry] = gateway.until(
        lambda: [each for each in listed(gateway) if each["state"] == "hold"], what="the copy to be listed"
    )
    assert entry["held_because"] == reason
    # Released against the policy, it is judged again, and stays.
    assert gateway.rorpost("queue", "release", queue_id).startswith("1 of 1")
    gateway.until(lambda: len(gateway.lines_of("held")) == 2, what="the copy on hold again")
    assert not gateway.next_hop.arrivals
    gateway.set_policy(gateway.policy)
    assert gateway.reload()
    gateway.until(lambda: gateway.queue_rows()[0]["state"] == "held", what="the copy to be held")
    gateway.rorpost("queue", "release", queue_id)
    gateway.wait_until_relayed(1)
    assert len(gateway.notices()) == 1


def test_without_a_daemon(scenario: MakeScenario) -> None:
    gateway = scenario()
    assert gateway.stop() == 0
    gateway.rorpost("queue", "list", code=1)
