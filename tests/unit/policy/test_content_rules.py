"""The rules on what a message holds: whose words may be quoted, and what nobody has looked at."""

from typing import Any

import pytest

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import NOTHING_FOUND, Attachment, ContentFacts, Look, Quotes, SealFacts
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import evaluate, evaluate_all

REJECT = ("outside_quotes: allow\n", "outside_quotes: reject\n")
BO = """\
      - user: bo.lind@motala.se
        requested_by: eva.ek@motala.se
        executed_by: it.drift@motala.se
        valid_from: 2025-01-01
        valid_until: 2025-12-31
"""
ONCE_A_USER = ("        valid_until: 2026-12-31\n", "        valid_until: 2026-12-31\n" + BO)


def quoting(*quoted: set[str], suspected: int = 0) -> ContentFacts:
    return ContentFacts(
        attachments=(),
        quotes=Quotes(quoted=tuple(map(frozenset, quoted)), suspected=suspected),
        identity_number_in_name=False,
    )


def decide(world: Any, content: ContentFacts | None, *changes: tuple[str, str], **asked: Any) -> Verdict:
    policy = world.small(*(changes or (REJECT, ONCE_A_USER)))
    return evaluate(policy, world.Keys(), world.question(facts=world.facts(content=content), **asked))


@pytest.mark.parametrize("content", [None, ContentFacts(identity_number_in_name=False)])
def test_what_nobody_has_looked_at_is_refused(world: Any, content: ContentFacts | None) -> None:
    names = (
        "outside_quotes: allow\n",
        "outside_quotes: reject\n  identity_number_in_attachment_names: allow\n",
    )
    assert decide(world, content, names).reason is Reason.OUTSIDE_QUOTES


@pytest.mark.parametrize("content", [None, ContentFacts(attachments=(), quotes=Quotes())])
def test_names_that_nobody_has_looked_at_are_refused(world: Any, content: ContentFacts | None) -> None:
    verdict = decide(world, content)
    assert verdict.reason is Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME
    assert verdict.rule == "rules.identity_number_in_attachment_names"


def test_where_no_rule_asks_nobody_need_look(world: Any) -> None:
    changes = (
        "outside_quotes: allow\n",
        "outside_quotes: allow\n  identity_number_in_attachment_names: allow\n",
    )
    assert decide(world, None, changes).accepted


def test_a_name_with_a_number(world: Any) -> None:
    content = ContentFacts(quotes=Quotes(), identity_number_in_name=True)
    verdict = decide(world, content)
    assert verdict.reason is Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME
    allow = (
        "outside_quotes: allow\n",
        "outside_quotes: allow\n  identity_number_in_attachment_names: allow\n",
    )
    assert decide(world, content, allow).accepted


def test_a_number_in_the_name_of_a_file_in_an_archive(world: Any) -> None:
    inside = Attachment(kind="text/plain", declared="", depth=1, identity_number_in_name=True)
    content = ContentFacts(attachments=(inside,), quotes=Quotes(), identity_number_in_name=False)
    assert decide(world, content).reason is Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME


def test_the_line_behind_it(world: Any) -> None:
    verdict = decide(world, quoting({"x@example.org"}))
    assert (verdict.reason, verdict.rule) == (Reason.OUTSIDE_QUOTES, "rules.outside_quotes")
    assert str(verdict.position) == "1.yaml:40:19"
    by_default = decide(
        world, quoting({"x@example.org"}), ("  outside_quotes: allow\n", "  urgent: reject\n")
    )
    assert (by_default.reason, by_default.position) == (Reason.OUTSIDE_QUOTES, None)


@pytest.mark.parametrize(
    "quoted",
    [
        {"x@example.org"},
        {"rorpost.vcbrinken@regionostergotland.se", "x@example.org"},
        {"rorpost.hemsjukvarden@motala.se", "eva.ek@motala.se"},  # the manager is no user
        {"rorpost.vclyckorna@regionostergotland.se"},  # of another channel
        {"rorpost.vclyckorna@regionostergotland.se", "rorpost.hemsjukvarden@motala.se"},
    ],
    ids=sorted,
)
def test_from_outside(world: Any, quoted: set[str]) -> None:
    inside = {"rorpost.hemsjukvarden@motala.se"}
    assert decide(world, quoting(inside, quoted)).reason is Reason.OUTSIDE_QUOTES
    assert decide(world, quoting(inside, quoted), ONCE_A_USER).accepted


@pytest.mark.parametrize(
    "quoted",
    [
        {"rorpost.hemsjukvarden@motala.se", "rorpost.vcbrinken@regionostergotland.se"},
        {"anna.berg@motala.se", "bo.lind@motala.se"},
        # Home care wrote to both; each may answer it.
        {
            *("rorpost.hemsjukvarden@motala.se", "rorpost.vcbrinken@regionostergotland.se"),
            "rorpost.vclyckorna@regionostergotland.se",
        },
    ],
    ids=sorted,
)
def test_from_inside(world: Any, quoted: set[str]) -> None:
    assert decide(world, quoting(quoted, suspected=3)).accepted


def test_the_other_addresses_of_who_is_logged_in(world: Any) -> None:
    content = quoting({"a.berg@motala.se"})
    login = Login(name="anna", address=world.ANNA, aliases=frozenset({"a.berg@motala.se"}))
    assert decide(world, content).reason is Reason.OUTSIDE_QUOTES
    assert decide(world, content, login=login).accepted


def test_inbound_the_same(world: Any) -> None:
    policy = world.small(REJECT)
    seal = SealFacts(
        signer="AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001", signed_at=world.moment(), protected=True
    )

    def verdict(content: ContentFacts) -> Verdict:
        facts = world.facts(authors=(world.CARE,), to=(world.HOME,), content=content)
        asked = world.question(
            direction=Direction.INBOUND,
            sender=world.CARE,
            recipient=world.HOME,
            login=None,
            facts=facts,
            seal=seal,
            envelope_recipients=(world.HOME,),
        )
        return evaluate(policy, world.Keys(), asked)

    assert verdict(quoting({"x@example.org"})).reason is Reason.OUTSIDE_QUOTES
    assert verdict(ContentFacts()).reason is Reason.OUTSIDE_QUOTES
    assert verdict(ContentFacts(quotes=Quotes())).accepted, "a partner's file names are its own"


def test_for_two_recipients_each_by_its_channel(world: Any) -> None:
    """What was written to Brinken alone is not for Lyckorna; that refuses it for both."""
    policy = world.small(REJECT)
    quoted = quoting({world.CARE, world.HOME})
    facts = world.facts(to=(world.CARE, world.OTHER), content=quoted)
    both = (world.CARE, world.OTHER)
    asked = [world.question(recipient=each, facts=facts, envelope_recipients=both) for each in both]
    verdicts = evaluate_all(policy, world.Keys(), asked)
    assert [verdict.reason for verdict in verdicts] == [Reason.OUTSIDE_QUOTES] * 2
    assert [verdict.because_of for verdict in verdicts] == [world.OTHER, None]


ALL = Look.QUOTES | Look.NAMES


@pytest.mark.parametrize(
    ("direction", "rules", "look"),
    [
        (Direction.OUTBOUND, "outside_quotes: reject", ALL),
        (Direction.OUTBOUND, "urgent: reject", ALL),
        (Direction.OUTBOUND, "outside_quotes: allow", Look.NAMES),
        (Direction.OUTBOUND, "identity_number_in_attachment_names: allow", Look.QUOTES),
        (Direction.INBOUND, "urgent: reject", Look.QUOTES),
        (Direction.INBOUND, "outside_quotes: allow", Look(0)),
    ],
)
def test_what_is_looked_at(world: Any, direction: Direction, rules: str, look: Look) -> None:
    policy = world.small(("outside_quotes: allow", rules))
    at = world.moment()
    asked = content_to_look_at(policy, direction, sender=world.HOME, recipients=[world.CARE], at=at)
    assert asked is look


def test_what_one_channel_of_the_recipients_asks_for_is_looked_at(world: Any) -> None:
    policy = world.small(
        ("  - name: lyckorna\n", "  - name: lyckorna\n    rules: {outside_quotes: reject}\n")
    )

    def asked(*recipients: str, at: str = "2026-05-06T08:00:00+02:00") -> Look:
        moment = world.moment(at)
        return content_to_look_at(
            policy, Direction.OUTBOUND, sender=world.HOME, recipients=recipients, at=moment
        )

    assert asked(world.CARE) is Look.NAMES
    assert asked(world.CARE, world.OTHER) is ALL
    assert asked("rorpost.ingen@motala.se") is Look(0)
    assert asked(world.CARE, at="2027-05-06T08:00:00+02:00") is Look(0), "no channel in force"


def test_nothing_found() -> None:
    assert NOTHING_FOUND.quotes == Quotes()
