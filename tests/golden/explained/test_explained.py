"""`explain --message` says what the daemon's line says: every shipped case, demo scene and dialogue."""

import pytest

from rorpost_gateway.decision import Direction, Reason
from tests.golden.explained.comparing import Comparison, sources
from tests.peers.gnupg_home import PreparedKeys

# Nothing that a message is decided by: the session, the machine, what only the live queue remembers.
ELSEWHERE = {
    *(Reason.TLS_REQUIRED, Reason.LOGIN_FAILED, Reason.TOO_MANY_RECIPIENTS, Reason.TOO_MANY_CONNECTIONS),
    *(Reason.SHUTTING_DOWN, Reason.GATEWAY_FAULT, Reason.GATEWAY_FULL, Reason.DUPLICATE, Reason.REPLAYED),
}


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory, prepared_keys: PreparedKeys) -> list[Comparison]:
    with sources(tmp_path_factory.mktemp("explained"), prepared_keys) as found:
        return list(found)


def test_explain_says_what_the_daemon_says_field_by_field(comparisons: list[Comparison]) -> None:
    differing = {
        f"{each.source}: {each.trial.name}": each.differences for each in comparisons if each.differences
    }
    assert differing == {}
    assert all(each.outcome.lines for each in comparisons)


def test_every_outcome_is_the_wanted_one(comparisons: list[Comparison]) -> None:
    wrong = {
        each.trial.name: (each.trial.want, each.said["reason"])
        for each in comparisons
        if each.trial.want is not None and each.said["reason"] != each.trial.want
    }
    assert wrong == {}


def test_every_reason_that_a_message_is_decided_by_is_among_them(comparisons: list[Comparison]) -> None:
    seen = {each.said["reason"] for each in comparisons}
    assert seen == {reason.value for reason in Reason if reason not in ELSEWHERE}
    directions = {each.trial.direction for each in comparisons if each.said["accepted"]}
    assert directions == set(Direction)


def test_the_rule_that_decided_is_the_last_that_was_tried(comparisons: list[Comparison]) -> None:
    for each in comparisons:
        for said in each.said["recipients"]:
            failed = [step["reason"] for step in said["steps"] if step["outcome"] == "failed"]
            if said["accepted"] or (said["because_of"] and not failed):
                assert failed == []
            elif said["steps"]:
                assert failed == [said["reason"]], each.trial.name
