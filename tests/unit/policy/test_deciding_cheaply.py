"""What makes a decision cheap, where its price could rise unseen; tests/bench says how much it is."""

from dataclasses import replace
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.policy import evaluate as deciding
from rorpost_gateway.policy.evaluate import evaluate, trace
from rorpost_gateway.policy.rule_table import RULES


def test_a_rule_that_says_ok_as_a_refusal_is_no_acceptance(world: Any) -> None:
    keys = world.Keys({f"OF {world.HOME}": Reason.OK})
    with pytest.raises(ValueError, match=r"mailboxes\.key says OK"):
        evaluate(world.small(), keys, world.question())


def test_no_line_is_looked_up_for_a_rule_that_passed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def watched(rule: Any) -> Any:
        def position(inquiry: Any) -> Any:
            asked.append(rule.name)
            return rule.position(inquiry)

        return replace(rule, position=position)

    rules = tuple(map(watched, RULES))
    monkeypatch.setattr(deciding, "rules_for", lambda _direction, **_: rules)
    assert evaluate(world.small(), world.Keys(), world.question()).accepted
    assert asked == []
    refused = evaluate(world.small(), world.Keys(), world.question(facts=world.facts(urgent=True)))
    assert refused.rule == "rules.urgent"
    assert asked == ["rules.urgent"]
    trace(world.small(), world.Keys(), world.question())
    assert len(asked) == 1 + len(RULES)


def test_one_string_for_an_address_and_one_object_for_a_day(world: Any) -> None:
    """What many channels name is then in the processor's caches, and found without being compared."""
    policy = world.small()
    addresses = {id(address) for address in policy.mailboxes}
    assert {id(mailbox.address) for mailbox in policy.mailboxes.values()} == addresses
    assert {id(address) for pair in policy.pairs for address in pair} <= addresses
    authorisation = policy.mailboxes[world.HOME].users[world.ANNA][0]
    assert authorisation.valid_until is policy.channels[0].valid_until
