"""Over random policies and questions: the fast decision is the one that reading line by line gives."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.facts import NOTHING_FOUND, MessageFacts, SealFacts
from rorpost_gateway.policy.evaluate import Question, evaluate, evaluate_all, trace
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy
from tests.fuzz.drawn_policies import (
    ANNA,
    BASES,
    BO,
    CIA,
    CONTENT,
    FIELD,
    FIRST,
    IDENTITY_NUMBER,
    KEY_FAULTS,
    LOGIN,
    LOGINS,
    OURS,
    OUTSIDER,
    OWN,
    PRINTS,
    THEIRS,
    Drawn,
    as_yaml,
    messages,
    moments,
    mostly,
    pairs_of,
    policies,
    seals,
)
from tests.fuzz.slow_decision import Asked, Keys, decide, pins_on

NOBODY = ["rorpost.nobody@motala.se", "rorpost.nobody@region.se", ANNA]
KEYS = st.dictionaries(
    st.sampled_from([*PRINTS, f"of {OURS[0]}", f"of {OURS[1]}"]), st.sampled_from(KEY_FAULTS), max_size=2
).map(lambda states: Keys(states=states))
RELAXED = settings(
    max_examples=100,
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


DAY = datetime(2026, 3, 28, 12, tzinfo=UTC)
SOUND = MessageFacts(
    authors=(OURS[0],),
    to=(THEIRS[0],),
    fields={FIELD: (ANNA,), "x-rorpost-legal-basis": ("samtycke",)},
    content=NOTHING_FOUND,
)
SUBMITTED = Asked(inbound=False, at=DAY, sender=OURS[0], recipient=THEIRS[0], login=LOGIN, facts=SOUND)
SEAL = SealFacts(signer=PRINTS[0], signed_at=DAY, protected=True)
OPENED = Asked(inbound=True, at=DAY, sender=THEIRS[0], recipient=OURS[0], facts=SOUND, seal=SEAL)
# What is asked otherwise, of the message or of its seal → what both must say.
WRONG: list[tuple[Asked, dict[str, Any], Reason]] = [
    (SUBMITTED, {}, Reason.OK),
    (SUBMITTED, {"fields": {}}, Reason.USER_NOT_DECLARED),
    (SUBMITTED, {"sender": (BO,)}, Reason.USER_MISMATCH),
    (replace(SUBMITTED, login=None), {"fields": {FIELD: (CIA,)}}, Reason.USER_NOT_AUTHORISED),
    (replace(SUBMITTED, login=None), {"fields": {FIELD: (BO,)}}, Reason.USER_NOT_VALID),
    (SUBMITTED, {"authors": ()}, Reason.AUTHOR_MISMATCH),
    (SUBMITTED, {"to": ()}, Reason.HIDDEN_RECIPIENT),
    (SUBMITTED, {"reply_to": (OUTSIDER,)}, Reason.OUTSIDE_RECIPIENT),
    (SUBMITTED, {"urgent": True}, Reason.URGENT),
    (SUBMITTED, {"subject": IDENTITY_NUMBER}, Reason.IDENTITY_NUMBER_IN_SUBJECT),
    (SUBMITTED, {"content": CONTENT[2]}, Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME),
    (SUBMITTED, {"content": CONTENT[3]}, Reason.OUTSIDE_QUOTES),
    (SUBMITTED, {"fields": {FIELD: (ANNA,)}}, Reason.LEGAL_BASIS_MISSING),
    (SUBMITTED, {"received_here": True}, Reason.MAIL_LOOP),
    (SUBMITTED, {"received_count": 50}, Reason.OK),
    (SUBMITTED, {"received_count": 51}, Reason.MAIL_LOOP),
    (OPENED, {}, Reason.OK),
    (OPENED, {"key_fault": Reason.KEY_REVOKED}, Reason.SIGNATURE_INVALID),
    (OPENED, {"signed_at": DAY + timedelta(hours=2)}, Reason.SIGNATURE_INVALID),
    (OPENED, {"signer": PRINTS[1]}, Reason.SIGNER_MISMATCH),
    (OPENED, {"signer": PRINTS[2]}, Reason.OK),
    (OPENED, {"signer": PRINTS[2], "protected": False}, Reason.SIGNER_MISMATCH),
    (OPENED, {"signer": PRINTS[3]}, Reason.SIGNER_MISMATCH),
    (OPENED, {"protected": False}, Reason.HEADERS_NOT_PROTECTED),
    (OPENED, {"fields": {}}, Reason.USER_NOT_DECLARED),
    (OPENED, {"sender": (BO,)}, Reason.USER_MISMATCH),
    (OPENED, {"fields": {FIELD: (CIA,)}}, Reason.USER_NOT_AUTHORISED),
    (OPENED, {"fields": {FIELD: (BO,)}}, Reason.USER_NOT_VALID),
    (OPENED, {"outer_fault": Reason.AUTHOR_MISMATCH}, Reason.AUTHOR_MISMATCH),
    (OPENED, {"urgent": True}, Reason.URGENT),
    (OPENED, {"content": None}, Reason.OUTSIDE_QUOTES),
    (OPENED, {"fields": {FIELD: (ANNA,)}}, Reason.LEGAL_BASIS_MISSING),
    (OPENED, {"signed_at": DAY - timedelta(days=15)}, Reason.TOO_OLD),
]


def by_hand() -> Drawn:
    span = {"requested_by": "chef@motala.se", "executed_by": "it@motala.se", "valid_from": FIRST}
    last_days = {ANNA: date(2026, 4, 9), BO: FIRST}
    users = [
        {"user": user, **span, "valid_until": last_day, "key": own_key}
        for (user, last_day), own_key in zip(last_days.items(), PRINTS[2:4], strict=True)
    ]
    parts: dict[str, Any] = {
        "mailboxes": {each: {"users": users, "key": [{"fingerprint": PRINTS[0]}]} for each in OURS + THEIRS},
        "channels": [
            {
                "name": "old",
                "between": [OURS[0], THEIRS[0]],
                "valid_until": FIRST,
                "rules": {"urgent": "allow"},
            },
            {"name": "new", "between": [OURS[0], THEIRS[0]], "valid_from": FIRST + timedelta(days=1)},
        ],
        "rules": {
            "legal_basis": BASES,
            "declared_user": {"sources": ["header", "sender", "signature"]},
        },
    }
    return Drawn(text=as_yaml(parts, str), zone=ZoneInfo("Europe/Stockholm"), **parts)


@pytest.mark.parametrize(("asked", "changes", "reason"), WRONG)
def test_both_know_the_reason(asked: Asked, changes: dict[str, Any], reason: Reason, tmp_path: Path) -> None:
    """The draws do not reach each of them every time."""
    of_seal = {name: value for name, value in changes.items() if name in SealFacts.__annotations__}
    of_facts = {name: value for name, value in changes.items() if name not in of_seal}
    assert asked.facts is not None
    facts = replace(asked.facts, **of_facts)
    if asked.inbound:
        facts = replace(facts, authors=(THEIRS[0],))
    changed = replace(asked, facts=facts, seal=replace(asked.seal, **of_seal) if asked.seal else None)
    drawn = by_hand()
    assert decide(drawn, Keys(states={}), changed) is reason
    agrees(drawn, loaded(drawn, tmp_path), Keys(states={}), [changed])
