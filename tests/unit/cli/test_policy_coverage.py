"""`rorpost policy test --coverage`, and `rorpost check` where the cases are required."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.peers import gateway_world as world

CASE = f"""\
cases:
  - name: the pair
    from: {world.HOME_CARE}
    to: {world.BRINKEN}
    user: {world.ANNA}
    at: {datetime.now(tz=UTC).date()}
    want: accept
"""


@pytest.fixture
def asked(here: Any) -> Any:
    here.write("policies/tests/own.yaml", CASE)
    return here


def test_what_no_case_touches(rorpost: Any, asked: Any) -> None:
    ended = rorpost("policy", "test", "--coverage", config=asked.path)
    assert (ended.code, ended.err) == (0, "")
    assert "1 of 1 cases are as wanted." in ended.out
    assert "What no case touches" in ended.out
    assert "urgent: reject" in ended.out
    assert f"{world.BO} as {world.HOME_CARE}" in ended.out
    assert f"{world.ANNA} as {world.HOME_CARE}" not in ended.out
    assert "rules are touched by a case." in ended.out


def test_it_can_be_required(rorpost: Any, asked: Any) -> None:
    assert rorpost("policy", "test", "--full-coverage", config=asked.path).code == 1


def test_as_data(rorpost: Any, asked: Any) -> None:
    ended = rorpost("policy", "test", "--coverage", "--json", config=asked.path)
    said = json.loads(ended.out)
    assert ended.code == 0
    assert [case["name"] for case in said["cases"]] == ["the pair"]
    assert said["coverage"]["complete"] is False
    assert said["coverage"]["counts"]["channel"]["touched"] == 1
    first = said["coverage"]["untouched"][0]
    assert set(first) == {"part", "name", "position"}
    assert ":" in first["position"]


def test_a_case_that_fails_counts_more(rorpost: Any, asked: Any) -> None:
    asked.write("policies/tests/own.yaml", CASE.replace("want: accept", "want: urgent"))
    assert rorpost("policy", "test", "--coverage", config=asked.path).code == 1


def test_check_holds_the_policy_to_required_cases(rorpost: Any, asked: Any) -> None:
    asked.configure(policy_tests="require")
    assert rorpost("check", "--offline", config=asked.path).code in {0, 1}
    asked.write("policies/tests/own.yaml", CASE.replace("want: accept", "want: urgent"))
    ended = rorpost("check", "--offline", config=asked.path)
    assert ended.code == 78
    assert "own.yaml:2:5: case 'the pair' wants urgent, and the policy says accept" in ended.err
