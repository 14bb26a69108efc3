"""Coverage: what no case would notice is named, and what one would notice is not."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.policy.cases import load_cases
from rorpost_gateway.policy.coverage import Coverage, Part, coverage_of
from rorpost_gateway.policy.model import Rules
from rorpost_gateway.policy.rule_variants import SWITCHES, variants

OUT = "from: rorpost.hemsjukvarden@motala.se, to: rorpost.vcbrinken@regionostergotland.se"
IN = "direction: inbound, from: rorpost.vcbrinken@regionostergotland.se, to: rorpost.hemsjukvarden@motala.se"
ANNA = f"{OUT}, user: anna.berg@motala.se"
OLLE = f"{IN}, user: olle.ask@regionostergotland.se"
# Of Rules, what no message is judged by.
NO_RULE = {"positions", "authorisation_max_days"}


def covered(world: Any, folder: Path, *cases: str, policy: Any = None) -> Coverage:
    lines = [f"  - {{name: n, at: 2026-05-06, {case}}}" for case in cases]
    (folder / "case.yaml").write_text("\n".join(["cases:", *lines, ""]), encoding="utf-8")
    policy = policy or world.small()
    loaded = load_cases([folder / "case.yaml"], policy)
    return coverage_of(policy, loaded, own_domains=world.OWN, now=world.moment())


def touched(coverage: Coverage, part: Part) -> list[str]:
    return [element.name for element in coverage.elements if element.part is part and element.touched]


def test_without_cases_nothing_is_touched(world: Any, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("cases: []\n")
    coverage = coverage_of(world.small(), [], own_domains=world.OWN, now=world.moment())
    assert not coverage.complete
    assert coverage.untouched == coverage.elements
    assert {part: total for part, (_, total) in coverage.counts().items()} == {
        Part.CHANNEL: 2,
        Part.PAIR: 3,
        Part.USER: 1,
        Part.RULE: 12,
    }


def test_a_case_touches_its_direction_only(world: Any, tmp_path: Path) -> None:
    coverage = covered(world, tmp_path, f"{ANNA}, want: accept")
    assert touched(coverage, Part.CHANNEL) == ["brinken"]
    assert touched(coverage, Part.PAIR) == [
        "brinken: rorpost.hemsjukvarden@motala.se to rorpost.vcbrinken@regionostergotland.se"
    ]
    assert touched(coverage, Part.USER) == ["anna.berg@motala.se as rorpost.hemsjukvarden@motala.se"]


def test_each_element_names_its_line(world: Any, tmp_path: Path) -> None:
    coverage = covered(world, tmp_path, f"{ANNA}, want: accept")
    channel = next(element for element in coverage.elements if element.part is Part.CHANNEL)
    assert channel.position is not None
    assert channel.position.line > 1
    built_in = [e.name for e in coverage.elements if e.part is Part.RULE and e.position is None]
    assert "urgent: reject" in built_in


def test_a_wrong_expectation_touches_as_well(world: Any, tmp_path: Path) -> None:
    """Whether it fails is said already; what it asks about, it asks about."""
    assert touched(covered(world, tmp_path, f"{ANNA}, want: urgent"), Part.CHANNEL) == ["brinken"]


@pytest.mark.parametrize(
    "case",
    [
        "from: rorpost.vcbrinken@regionostergotland.se, to: rorpost.hemsjukvarden@motala.se",  # nobody's
        "from: rorpost.hemsjukvarden@motala.se, to: rorpost.okand@motala.se",
        "direction: inbound, from: rorpost.hemsjukvarden@motala.se, to: a@b.se",
    ],
)
def test_who_comes_to_no_channel_touches_none(world: Any, tmp_path: Path, case: str) -> None:
    coverage = covered(world, tmp_path, f"{case}, want: accept")
    assert coverage.untouched == coverage.elements


def test_an_authorisation_that_has_ended_is_touched_by_its_refusal(world: Any, tmp_path: Path) -> None:
    policy = world.small(("valid_until: 2026-12-31\n  rorpost", "valid_until: 2026-01-31\n  rorpost"))
    coverage = covered(world, tmp_path, f"{ANNA}, want: user-not-valid", policy=policy)
    assert len(touched(coverage, Part.USER)) == 1


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        (f"{ANNA}, message: {{importance: high}}", "urgent: reject"),
        (f"{ANNA}, message: {{subject: 19811218-9876}}", "identity_number_in_subject: reject"),
        (
            f"{ANNA}, message: {{headers: {{To: rorpost.hemsjukvarden@motala.se}}}}",
            "recipients_in_header: require",
        ),
        (f"{OLLE}, signed: {{protected: false}}", "unprotected_headers: reject"),
        (f"{IN}, signed: {{protected: true}}", "declared_user.inbound: require"),
        (f"{ANNA}, message: {{text: 'Från: A <a@b.se>'}}", "legal_basis: off"),
    ],
)
def test_a_rule_that_refused_is_touched(world: Any, tmp_path: Path, case: str, rule: str) -> None:
    assert rule in touched(covered(world, tmp_path, f"{case}, want: accept"), Part.RULE)


def test_a_rule_that_nothing_was_held_against_is_not(world: Any, tmp_path: Path) -> None:
    names = touched(covered(world, tmp_path, f"{ANNA}, want: accept"), Part.RULE)
    assert names == [
        "declared_user.sources: header",
        "declared_user.header: X-Rorpost-Sending-User",
        "legal_basis: off",
    ]


def test_a_rule_that_allows_is_touched_by_what_it_lets_through(world: Any, tmp_path: Path) -> None:
    policy = world.small(("outside_quotes: allow\n", "outside_quotes: allow\n  urgent: allow\n"))
    assert "urgent: allow" not in touched(
        covered(world, tmp_path, f"{ANNA}, want: accept", policy=policy), Part.RULE
    )
    urgent = f"{ANNA}, message: {{importance: high}}, want: accept"
    assert "urgent: allow" in touched(covered(world, tmp_path, urgent, policy=policy), Part.RULE)


QUOTES = (
    '{text: "Se nedan.\\n\\nFrån: A <a@example.org>\\nSkickat: den 5 maj 2026 10:00\\n'
    'Till: B <b@example.org>\\nÄmne: x\\n\\nHej"}'
)


def test_content_is_read_for_a_rule_that_allows_it(world: Any, tmp_path: Path) -> None:
    plain = covered(world, tmp_path, f"{ANNA}, want: accept")
    assert "outside_quotes: allow" not in touched(plain, Part.RULE)
    quoting = covered(world, tmp_path, f"{ANNA}, message: {QUOTES}, want: accept")
    assert "outside_quotes: allow" in touched(quoting, Part.RULE)


def test_a_channels_own_rule_is_touched_in_that_channel(world: Any, tmp_path: Path) -> None:
    policy = world.small(("  - name: lyckorna\n", "  - name: lyckorna\n    rules: {urgent: allow}\n"))
    other = covered(world, tmp_path, f"{ANNA}, message: {{importance: high}}, want: urgent", policy=policy)
    assert "urgent: reject" in touched(other, Part.RULE)
    assert "lyckorna: urgent: allow" in [each.name for each in other.untouched]
    lyckorna = ANNA.replace("vcbrinken", "vclyckorna") + ", message: {importance: high}, want: accept"
    own = covered(world, tmp_path, lyckorna, policy=policy)
    assert "urgent: reject" not in touched(own, Part.RULE)
    assert "lyckorna: urgent: allow" in touched(own, Part.RULE)


def test_each_value_of_a_legal_basis_wants_a_case(world: Any, tmp_path: Path) -> None:
    policy = world.small(
        ("  - name: lyckorna\n", "  - name: lyckorna\n    rules: {legal_basis: [samtycke, menprovning]}\n")
    )
    case = ANNA.replace("vcbrinken", "vclyckorna") + ", message: {legal_basis: samtycke}, want: accept"
    coverage = covered(world, tmp_path, case, policy=policy)
    names = touched(coverage, Part.RULE)
    assert "lyckorna: legal_basis: samtycke" in names
    assert not {"lyckorna: legal_basis: menprovning", "lyckorna: legal_basis: required"} & set(names)


ATTACHMENTS = (
    "  attachments: {max_bytes: 100, deny_types: [image/png, text/html]}\n",
    "attachments.max_bytes: 100",
    "attachments.deny_types: image/png, text/html",
    "attachments.uninspectable: reject",
)


@pytest.mark.parametrize(
    ("attachment", "at_rule"),
    [("{octets: 10}", 0), ("{octets: 101}", 1), ("{type: image/png, base64: iVBORw0KGgoAAAANSUhEUg==}", 2)],
)
def test_each_rule_on_attachments_wants_a_case(
    world: Any, tmp_path: Path, attachment: str, at_rule: int
) -> None:
    policy = world.small(("outside_quotes: allow\n", "outside_quotes: allow\n" + ATTACHMENTS[0]))
    case = f"{ANNA}, message: {{attachments: [{attachment}]}}, want: accept"
    coverage = covered(world, tmp_path, case, policy=policy)
    about = [each for each in coverage.elements if each.name.startswith("attachments")]
    assert [each.name for each in about] == list(ATTACHMENTS[1:])
    assert [each.name for each in about if each.touched] == ([ATTACHMENTS[at_rule]] if at_rule else [])
    assert all(each.position for each in about)


@pytest.mark.parametrize(
    ("general", "own", "listed"),
    [
        ("{max_bytes: 9}", "allow", ["attachments.max_bytes: 9", "lyckorna: attachments: allow"]),
        (
            "{max_bytes: 9}",
            "{max_bytes: 8}",
            ["attachments.max_bytes: 9", "lyckorna: attachments.max_bytes: 8"],
        ),
        ("allow", "{max_bytes: 8}", ["attachments: allow", "lyckorna: attachments.max_bytes: 8"]),
    ],
)
def test_a_channel_with_attachment_rules_of_its_own(
    world: Any, general: str, own: str, listed: list[str]
) -> None:
    policy = world.small(
        ("outside_quotes: allow\n", f"outside_quotes: allow\n  attachments: {general}\n"),
        ("  - name: lyckorna\n", f"  - name: lyckorna\n    rules: {{attachments: {own}}}\n"),
    )
    names = [each.name for each in variants(policy)]
    assert set(listed) <= set(names)
    assert all(each.of(policy).pairs for each in variants(policy))


def test_a_message_that_cannot_be_read_touches_nothing(world: Any, tmp_path: Path) -> None:
    coverage = covered(
        world, tmp_path, f"{ANNA}, message: {{headers: {{To: '(('}}}}, want: message-malformed"
    )
    assert coverage.untouched == coverage.elements


def test_no_rule_is_forgotten(world: Any) -> None:
    """Whoever adds a rule says here how it could be otherwise."""
    keys = {variant.key for variant in variants(world.small())}
    named = set(SWITCHES.values()) | {key.partition(".")[2] or key for key in keys}
    assert {field.name for field in fields(Rules)} - NO_RULE <= named


def test_a_variant_is_another_policy(world: Any) -> None:
    policy = world.small()
    for variant in variants(policy):
        other = variant.of(policy)
        assert other.rules != policy.rules
        assert dict(other.pairs).keys() == policy.pairs.keys()
        assert len(other.pairs) == len(policy.pairs)
