"""Over random policies and questions: the fast decision is the one that reading line by line gives."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.facts import (
    Look,
    SealFacts,
)
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import Question, evaluate, evaluate_all, trace
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.schema.rules import policy_rules
from tests.fuzz.decided_by_hand import (
    BEFORE,
    BY_DEFAULT,
    NOW,
    OPENED,
    SOUND,
    SUBMITTED,
    WRONG,
    by_hand,
    on_day,
    with_facts,
)
from tests.fuzz.drawn_content import ATTACHMENT_CHOICES, a_content, mostly, some_attachment_rules
from tests.fuzz.drawn_policies import (
    ANNA,
    BASES,
    DECLARED_CHOICES,
    FIELD,
    KEY_FAULTS,
    LOGIN,
    LOGINS,
    OURS,
    OWN,
    PEOPLE,
    PRINTS,
    RULE_CHOICES,
    THEIRS,
    Drawn,
    as_yaml,
    messages,
    moments,
    pairs_of,
    policies,
    rules,
    seals,
)
from tests.fuzz.slow_decision import Asked, Keys, decide, pins_on, to_look_at

NOBODY = ["rorpost.nobody@motala.se", "rorpost.nobody@region.se", ANNA]
KEYS = st.dictionaries(
    st.sampled_from([*PRINTS, f"of {OURS[0]}", f"of {OURS[1]}"]), st.sampled_from(KEY_FAULTS), max_size=2
).map(lambda states: Keys(states=states))
RELAXED = settings(
    max_examples=80,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def loaded(drawn: Drawn, folder: Path) -> Policy:
    file = folder / "policy.yaml"
    file.write_text(drawn.text, encoding="utf-8")
    return load_policy(file, own_domains=OWN, timezone=drawn.zone)


def question(asked: Asked) -> Question:
    return Question(
        direction=Direction.INBOUND if asked.inbound else Direction.OUTBOUND,
        at=asked.at,
        sender=asked.sender,
        recipient=asked.recipient,
        own_domains=OWN,
        login=asked.login,
        facts=asked.facts,
        envelope_recipients=(asked.recipient, *asked.others),
        person=asked.person,
        seal=asked.seal,
    )


def some_pair(data: st.DataObject, drawn: Drawn, *, inbound: bool) -> tuple[str, str]:
    """Mostly one that some channel names in this direction."""
    ends = [pair for channel in drawn.channels for pair in pairs_of(channel) if pair[inbound] in OURS]
    if ends and data.draw(mostly(True, False)):
        return data.draw(st.sampled_from(ends))
    everybody = st.sampled_from([*OURS, *THEIRS, *NOBODY])
    return data.draw(everybody), data.draw(everybody)


def test_every_rule_is_drawn() -> None:
    written = policy_rules()["properties"]
    assert {*RULE_CHOICES, "declared_user", "authorisation_max_days"} == set(written)
    assert set(DECLARED_CHOICES) == set(written["declared_user"]["properties"])
    assert set(ATTACHMENT_CHOICES) == set(written["attachments"]["anyOf"][1]["properties"])


@settings(RELAXED, max_examples=40)
@given(drawn=policies(), most=st.sampled_from([1, 3, 8, 9, 10]))
def test_how_long_anybody_is_authorised(drawn: Drawn, most: int, tmp_path: Path) -> None:
    users = [each for mailbox in drawn.mailboxes.values() for each in mailbox["users"]]
    too_long = any(each["valid_until"] - each["valid_from"] > timedelta(days=most) for each in users)
    parts = {"mailboxes": drawn.mailboxes, "channels": drawn.channels}
    said = as_yaml(parts | {"rules": drawn.rules | {"authorisation_max_days": most}}, str)
    try:
        loaded(replace(drawn, text=said), tmp_path)
    except DocumentInvalid:
        assert too_long
    else:
        assert not too_long


@RELAXED
@given(drawn=policies(), keys=KEYS, data=st.data())
def test_every_envelope(drawn: Drawn, keys: Keys, data: st.DataObject, tmp_path: Path) -> None:
    policy, at = loaded(drawn, tmp_path), data.draw(moments())
    everybody = [*OURS, *THEIRS, *NOBODY]
    for inbound in (False, True):
        for sender in everybody:
            for recipient in everybody:
                asked = Asked(inbound=inbound, at=at, sender=sender, recipient=recipient)
                verdict = evaluate(policy, keys, question(asked))  # type: ignore[arg-type]
                assert verdict.reason is decide(drawn, keys, asked)


@RELAXED
@given(drawn=policies(), keys=KEYS, data=st.data())
def test_submitted_messages(drawn: Drawn, keys: Keys, data: st.DataObject, tmp_path: Path) -> None:
    policy, at = loaded(drawn, tmp_path), data.draw(moments())
    sender, recipient = some_pair(data, drawn, inbound=False)
    more = data.draw(st.lists(st.sampled_from(OURS + THEIRS), max_size=2, unique=True))
    recipients = tuple(dict.fromkeys([recipient, *more]))
    common = Asked(
        inbound=False,
        at=at,
        sender=sender,
        recipient=recipient,
        login=data.draw(mostly(LOGIN, *LOGINS)),
        person=data.draw(mostly(None, ANNA)),
        facts=data.draw(messages(sender, recipients)),
    )
    each = [
        replace(common, recipient=to, others=tuple(other for other in recipients if other != to))
        for to in recipients
    ]
    agrees(drawn, policy, keys, each)


@RELAXED
@given(drawn=policies(), keys=KEYS, data=st.data())
def test_opened_messages(drawn: Drawn, keys: Keys, data: st.DataObject, tmp_path: Path) -> None:
    policy, at = loaded(drawn, tmp_path), data.draw(moments())
    sender, recipient = some_pair(data, drawn, inbound=True)
    day = at.astimezone(drawn.zone).date()
    own = pins_on(drawn, sender, day) if sender in drawn.mailboxes else []
    seal = data.draw(seals(at, own or [f"of {sender}"]))
    facts = data.draw(messages(sender, (recipient,)))
    asked = Asked(inbound=True, at=at, sender=sender, recipient=recipient, facts=facts, seal=seal)
    agrees(drawn, policy, keys, [asked])


@settings(RELAXED, max_examples=50)
@given(default=rules(), seed=st.integers(0, 2**32), data=st.data())
def test_what_they_hold(default: dict[str, Any], seed: int, data: st.DataObject, tmp_path: Path) -> None:
    """Who sends them is never wrong, so that most of them come as far as these rules."""
    chance, keys = Random(seed), Keys(states={})
    each_day = [
        {"attachments": some_attachment_rules(chance), "legal_basis": chance.choice(["off", BASES])}
        for _ in range(6)
    ]
    drawn = by_hand(default | {"attachments": some_attachment_rules(chance)}, data.draw(rules()), *each_day)
    policy = loaded(drawn, tmp_path)
    for number in range(7):
        for asked in (SUBMITTED, OPENED):
            ends = (asked.sender, asked.recipient)
            sound = on_day(asked, number)
            several = [
                with_facts(
                    sound,
                    content=a_content(chance, ends, PEOPLE),
                    urgent=chance.random() < 0.05,
                    fields=chance.choice([SOUND.fields, SOUND.fields, {FIELD: (ANNA,)}]),
                )
                for _ in range(12)
            ]
            agrees(drawn, policy, keys, several[:1])
            for one in several[1:]:
                said = evaluate(policy, keys, question(one))
                assert (one, said.reason) == (one, decide(drawn, keys, one))


def agrees(drawn: Drawn, policy: Policy, keys: Any, each: list[Asked]) -> None:
    """One by one, all together, and as `explain` tells it."""
    slow = [decide(drawn, keys, asked) for asked in each]
    fast = [evaluate(policy, keys, question(asked)) for asked in each]
    assert [verdict.reason for verdict in fast] == slow
    for verdict in fast:
        assert (verdict.seal_to is not None) == (verdict.accepted and not each[0].inbound)
    order = list(Reason)
    first = min((reason for reason in slow if reason is not Reason.OK), key=order.index, default=Reason.OK)
    together = evaluate_all(policy, keys, [question(asked) for asked in each])
    assert {verdict.reason for verdict in together} == {first}
    steps = trace(policy, keys, question(each[0]))
    assert next((step.reason for step in steps if step.reason), Reason.OK) is slow[0]
    if each[0].facts is not None and each[0].facts.content is not None:
        knows_enough(drawn, policy, keys, each, slow)


def knows_enough(drawn: Drawn, policy: Policy, keys: Any, each: list[Asked], slow: list[Reason]) -> None:
    """What is looked for beforehand is what the rules need, and nothing besides has a say."""
    first = question(each[0])
    look = content_to_look_at(
        policy,
        first.direction,
        sender=first.sender,
        recipients=first.envelope_recipients,
        at=first.at,
    )
    assert look == to_look_at(drawn, each)
    content = each[0].facts.content if each[0].facts else None
    assert content is not None
    found = content.attachments if Look.ATTACHMENTS in look else None
    if found is None and any(one.identity_number_in_name for one in content.attachments or ()):
        return  # of archives' entries, only those know who looked into them
    known = replace(
        content,
        attachments=found,
        quotes=content.quotes if Look.QUOTES in look else None,
        identity_number_in_name=content.identity_number_in_name if Look.NAMES in look else None,
    )
    anew = [evaluate(policy, keys, question(with_facts(asked, content=known))) for asked in each]
    assert [verdict.reason for verdict in anew] == slow


@pytest.mark.parametrize(("asked", "changes", "reason"), WRONG)
def test_both_know_the_reason(asked: Asked, changes: dict[str, Any], reason: Reason, tmp_path: Path) -> None:
    """The draws do not reach each of them every time."""
    of_seal = {name: value for name, value in changes.items() if name in SealFacts.__annotations__}
    changed = with_facts(asked, **{name: value for name, value in changes.items() if name not in of_seal})
    changed = replace(changed, seal=replace(asked.seal, **of_seal) if asked.seal else None)
    drawn = by_hand(BY_DEFAULT, BEFORE, NOW)
    assert decide(drawn, Keys(states={}), changed) is reason
    agrees(drawn, loaded(drawn, tmp_path), Keys(states={}), [changed])
