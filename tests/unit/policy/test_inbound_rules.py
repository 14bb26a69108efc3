"""The rules for an opened message, one by one: what each refuses, by which line, and in which order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rorpost_gateway.decision import DeclaredBy, Direction, Reason, Verdict
from rorpost_gateway.facts import NOTHING_FOUND, Attachment, ContentFacts, SealFacts
from rorpost_gateway.policy.evaluate import Outcome, Question, evaluate, evaluate_all, trace
from rorpost_gateway.policy.inbound_rules import FUTURE, OPENED_RULES

PINNED = "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"
NEW, OLD = PINNED[:-1] + "2", PINNED[:-1] + "3"
DORIS_KEY, OURS_KEY = "D" * 40, "OF rorpost.hemsjukvarden@motala.se"
DORIS, ERIK = "doris.ek@regionostergotland.se", "erik.ask@regionostergotland.se"
LISTED = (
    f'    key: "{PINNED}"\n',
    f'    key: "{PINNED}"\n    users:\n'
    + "".join(
        f"      - {{user: {user}, name: N, key: {key}, requested_by: a@b.se, executed_by: c@b.se,"
        f" valid_from: 2026-01-01, valid_until: {until}}}\n"
        for user, key, until in ((DORIS, DORIS_KEY, "2026-12-31"), (ERIK, "E" * 40, "2026-05-05"))
    ),
)


def seal(world: Any, **changes: Any) -> SealFacts:
    sound = SealFacts(signer=PINNED, signed_at=world.moment(), protected=True, sealed_to=("0" * 16,))
    return replace(sound, **changes)


def ask(world: Any, *, says: dict[str, Any] | None = None, **changes: Any) -> Question:
    """From Brinken to home care, sound; changes of the seal, and what the message says."""
    facts = {"authors": (world.CARE,), "to": (world.HOME,), "fields": {"x-rorpost-sending-user": (DORIS,)}}
    asked = {name: changes.pop(name) for name in ("sender", "recipient", "max_age", "at") if name in changes}
    sound: Question = world.question(
        direction=Direction.INBOUND,
        sender=world.CARE,
        recipient=world.HOME,
        login=None,
        facts=world.facts(**(facts | (says or {}))),
        seal=seal(world, **changes),
    )
    return replace(sound, **asked)


def decide(world: Any, *, policy: Any = None, keys: Any = None, **asked: Any) -> Verdict:
    return evaluate(policy or world.small(), keys or world.Keys(), ask(world, **asked))


def rules(text: str) -> tuple[str, str]:
    return ("outside_quotes: allow\n", f"outside_quotes: allow\n  {text}\n")


def test_without_its_seal_a_message_cannot_be_judged(world: Any) -> None:
    with pytest.raises(ValueError, match="without its seal"):
        replace(ask(world), seal=None)
    with pytest.raises(ValueError, match="without its seal"):
        replace(ask(world), facts=None)


def test_a_sound_one(world: Any) -> None:
    verdict = decide(world)
    assert verdict.accepted
    assert (verdict.channel, verdict.phone) == ("brinken", "0141-22 50 00")
    assert verdict.declared_user
    assert (verdict.declared_user.address, verdict.declared_user.declared_by) == (DORIS, DeclaredBy.HEADER)
    assert (verdict.seal_to, verdict.sign_with) == (None, None), "nothing is sealed on the way in"


@pytest.mark.parametrize(
    "fault", [Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED, Reason.KEY_UNUSABLE]
)
def test_a_signature_by_a_key_that_does_not_count(world: Any, fault: Reason) -> None:
    verdict = decide(world, key_fault=fault)
    assert (verdict.reason, verdict.rule) == (Reason.SIGNATURE_INVALID, "signature")


def test_how_far_a_clock_may_be_ahead(world: Any) -> None:
    at = world.moment()
    assert decide(world, signed_at=at + FUTURE).accepted
    late = at + FUTURE + timedelta(seconds=1)
    assert decide(world, signed_at=late).reason is Reason.SIGNATURE_INVALID


def test_how_old_a_signature_may_be(world: Any) -> None:
    at, age = world.moment(), timedelta(days=3)
    assert decide(world, signed_at=at - age, max_age=age).accepted
    verdict = decide(world, signed_at=at - age - timedelta(seconds=1), max_age=age)
    assert (verdict.reason, verdict.rule) == (Reason.TOO_OLD, "inbound.max_age")


@pytest.mark.parametrize("signer", [NEW, DORIS_KEY, OURS_KEY, "", PINNED.lower()])
def test_by_another_key(world: Any, signer: str) -> None:
    verdict = decide(world, signer=signer)
    assert (verdict.reason, verdict.rule) == (Reason.SIGNER_MISMATCH, "mailboxes.key")
    assert str(verdict.position).startswith("1.yaml:")


@pytest.mark.parametrize(
    ("day", "reason"), [("2026-12-31", Reason.OK), ("2027-01-01", Reason.SIGNER_MISMATCH)]
)
def test_an_old_key_until_its_last_day(world: Any, day: str, reason: Reason) -> None:
    pair = "[rorpost.hemsjukvarden@motala.se, rorpost.vclyckorna@regionostergotland.se]"
    one_way = "from: rorpost.hemsjukvarden@motala.se\n    to: [rorpost.vclyckorna@regionostergotland.se]"
    turned = (one_way, f"between: {pair}")
    at = world.moment(f"{day}T23:30:00+01:00")
    asked = {"sender": world.OTHER, "signed_at": at, "at": at, "says": {"authors": (world.OTHER,)}}
    assert decide(world, policy=world.small(turned), signer=OLD, **asked).reason is reason
    assert decide(world, policy=world.small(turned), signer=NEW, **asked).accepted


def test_a_persons_key_counts_only_as_a_source_in_force_and_protected(world: Any) -> None:
    source = rules("declared_user: {sources: [header, signature]}")
    assert decide(world, policy=world.small(LISTED), signer=DORIS_KEY).reason is Reason.SIGNER_MISMATCH
    policy = world.small(LISTED, source)
    assert decide(world, policy=policy, signer=DORIS_KEY).accepted
    assert decide(world, policy=policy, signer="E" * 40).reason is Reason.SIGNER_MISMATCH
    allowed = world.small(LISTED, source, rules("unprotected_headers: allow"))
    refused = decide(world, policy=allowed, signer=DORIS_KEY, protected=False)
    assert refused.reason is Reason.SIGNER_MISMATCH


def test_unprotected_header_fields(world: Any) -> None:
    verdict = decide(world, protected=False)
    assert (verdict.reason, verdict.rule) == (Reason.HEADERS_NOT_PROTECTED, "rules.unprotected_headers")
    assert verdict.declared_user is None
    allowed = world.small(rules("unprotected_headers: allow"))
    assert decide(world, policy=allowed, protected=False).reason is Reason.USER_NOT_DECLARED
    optional = world.small(rules("unprotected_headers: allow\n  declared_user: {inbound: optional}"))
    verdict = decide(world, policy=optional, protected=False)
    assert verdict.accepted
    assert verdict.declared_user is None


def test_unprotected_it_must_have_been_sealed_to_the_recipient(world: Any) -> None:
    optional = world.small(rules("unprotected_headers: allow\n  declared_user: {inbound: optional}"))
    verdict = decide(world, policy=optional, protected=False, sealed_to=())
    assert verdict.reason is Reason.HIDDEN_RECIPIENT
    assert decide(world, policy=optional, sealed_to=()).accepted, "protected, its To says whom it is for"


@pytest.mark.parametrize("said", [(), ("",), ("Doris",), (DORIS, DORIS), (f"{DORIS}, {ERIK}",)])
def test_nobody_is_stated(world: Any, said: tuple[str, ...]) -> None:
    says = {"fields": {"x-rorpost-sending-user": said}}
    verdict = decide(world, says=says)
    assert (verdict.reason, verdict.rule) == (Reason.USER_NOT_DECLARED, "rules.declared_user")
    optional = decide(world, says=says, policy=world.small(rules("declared_user: {inbound: optional}")))
    assert optional.accepted == (said == ())


@pytest.mark.parametrize("sources", ["[header, sender]", "[sender, header]", "[header]"])
def test_two_are_stated(world: Any, sources: str) -> None:
    policy = world.small(rules(f"declared_user: {{sources: {sources}}}"))
    assert decide(world, policy=policy, says={"sender": (ERIK,)}).reason is Reason.USER_MISMATCH
    assert decide(world, policy=policy, says={"sender": (DORIS,)}).accepted
    assert decide(world, policy=policy, says={"sender": (world.CARE,)}).accepted, "Sender is From"


def test_a_login_is_what_the_partners_gateway_says_of_it(world: Any) -> None:
    """A channel both ways has the same sources both ways: ours log in here, theirs there."""
    policy = world.small(rules("declared_user: {sources: [login]}"))
    verdict = decide(world, policy=policy)
    assert verdict.accepted
    assert verdict.declared_user.declared_by is DeclaredBy.HEADER
    unprotected = decide(world, policy=policy, protected=False)
    assert not unprotected.accepted


def test_our_own_login_is_no_source_here(world: Any) -> None:
    """It is the partner's people's, not ours."""
    policy = world.small(rules("declared_user: {sources: [login, header]}"))
    verdict = decide(world, policy=policy)
    assert verdict.declared_user
    assert verdict.declared_user.declared_by is DeclaredBy.HEADER


@pytest.mark.parametrize(
    ("user", "reason"),
    [(DORIS, Reason.OK), (ERIK, Reason.USER_NOT_VALID), ("a@b.se", Reason.USER_NOT_AUTHORISED)],
)
def test_a_partner_that_lists_its_people(world: Any, user: str, reason: Reason) -> None:
    says = {"fields": {"x-rorpost-sending-user": (user,)}}
    assert decide(world, policy=world.small(LISTED), says=says).reason is reason
    assert decide(world, says=says).accepted, "one that lists nobody is taken at its word"


@pytest.mark.parametrize(
    "fault", [Reason.AUTHOR_MISMATCH, Reason.HIDDEN_RECIPIENT, Reason.HEADERS_NOT_PROTECTED]
)
def test_the_outside_says_something_else(world: Any, fault: Reason) -> None:
    assert decide(world, outer_fault=fault).reason is fault


def test_urgent(world: Any) -> None:
    assert decide(world, says={"urgent": True}).reason is Reason.URGENT
    assert decide(world, says={"urgent": True}, policy=world.small(rules("urgent: allow"))).accepted


@pytest.mark.parametrize(
    ("stated", "found"), [((), None), (("b",), None), (("A a",), "a a"), (("a a",) * 2, None)]
)
def test_a_legal_basis(world: Any, stated: tuple[str, ...], found: str | None) -> None:
    policy = world.small(rules("legal_basis: [a a]"))
    fields = {"x-rorpost-sending-user": (DORIS,), "x-rorpost-legal-basis": stated}
    verdict = decide(world, policy=policy, says={"fields": fields})
    assert (verdict.reason, verdict.legal_basis) == (
        Reason.OK if found else Reason.LEGAL_BASIS_MISSING,
        found,
    )


@pytest.mark.parametrize(
    "asked", [{"recipient": "rorpost.vclyckorna@regionostergotland.se"}, {"sender": "rorpost.x@motala.se"}]
)
def test_the_envelope_is_judged_again_with_the_message(world: Any, asked: dict[str, str]) -> None:
    assert not decide(world, **asked).accepted


def test_what_was_submitted_here_is_not_judged_as_a_partners(world: Any) -> None:
    """Between two mailboxes of ours: who sent it stands in our own field, and was decided then."""
    other = "rorpost.rehab@motala.se"
    policy = world.small(
        ("mailboxes:\n", f"mailboxes:\n  {other}:\n    name: Rehab\n"),
        (
            "  - name: lyckorna\n",
            f"  - name: rehab\n    between: [{world.HOME}, {other}]\n  - name: lyckorna\n",
        ),
    )
    says = {"authors": (world.HOME,), "to": (other,), "fields": {"x-rorpost-sending-user": (ERIK,)}}
    asked = {"sender": world.HOME, "recipient": other, "says": says}
    assert decide(world, policy=policy, signer=OURS_KEY, **asked).accepted
    assert decide(world, policy=policy, **asked).reason is Reason.SIGNER_MISMATCH


# The order


def test_a_signature_that_does_not_hold_comes_before_everything_it_covers(world: Any) -> None:
    wrong = {
        "outer_fault": Reason.AUTHOR_MISMATCH,
        "says": {"urgent": True, "fields": {}},
        "protected": False,
    }
    assert decide(world, key_fault=Reason.KEY_REVOKED, signer=NEW, **wrong).reason is Reason.SIGNATURE_INVALID
    assert decide(world, signer=NEW, **wrong).reason is Reason.SIGNER_MISMATCH
    assert decide(world, **wrong).reason is Reason.HEADERS_NOT_PROTECTED


def test_after_the_signature_the_reasons_are_tried_in_their_order() -> None:
    order = list(Reason)
    places = [order.index(rule.reasons[0]) for rule in OPENED_RULES[3:]]
    assert places == sorted(places)


def test_one_recipient_refused_refuses_all_for_its_reason(world: Any) -> None:
    sound = ask(world)
    bad = replace(sound, seal=seal(world, outer_fault=Reason.HIDDEN_RECIPIENT))
    one, other = evaluate_all(world.small(), world.Keys(), [sound, bad])
    assert (one.reason, one.because_of) == (Reason.HIDDEN_RECIPIENT, world.HOME)
    assert (other.reason, other.because_of) == (Reason.HIDDEN_RECIPIENT, None)


def test_every_rule_can_be_asked_why(world: Any) -> None:
    steps = trace(world.small(), world.Keys(), ask(world, says={"urgent": True}))
    failed = [step for step in steps if step.outcome is Outcome.FAILED]
    assert [(step.rule, step.reason) for step in failed] == [("rules.urgent", Reason.URGENT)]
    after = steps[steps.index(failed[0]) + 1 :]
    assert after
    assert {step.outcome for step in after} == {Outcome.NOT_TRIED}


def test_the_attachment_rule_holds_inbound_too_and_fails_closed(world: Any) -> None:
    policy = world.small(rules("attachments: {deny_extensions: [exe]}"))
    looked = ContentFacts(attachments=(Attachment(kind="a/b", declared="a/b", extensions=("exe",)),))
    for content, reason in (
        (NOTHING_FOUND, Reason.OK),
        (looked, Reason.ATTACHMENT_NOT_ALLOWED),
        (replace(NOTHING_FOUND, attachments=None), Reason.ATTACHMENT_NOT_ALLOWED),
        (None, Reason.ATTACHMENT_NOT_ALLOWED),
    ):
        verdict = decide(world, policy=policy, says={"content": content})
        assert verdict.reason is reason
    assert verdict.rule == "rules.attachments"
    assert verdict.position is not None
