"""The policy that is shipped: it loads, its cases hold, each reason has one, each key is explained."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.document import Node, parse_file
from rorpost_gateway.policy import (
    read_case_message,
    read_cases,
    read_channels,
    read_mailboxes,
    read_reading,
    read_rules,
)
from rorpost_gateway.policy.cases import ACCEPT, Case, load_cases, run_cases
from rorpost_gateway.policy.coverage import coverage_of
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.required_cases import require_cases

FOLDER = Path(__file__).parents[3] / "policies"
OWN = frozenset({"motala.se"})
NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)

# Reasons that no policy case can ask for, and why.
NOT_POLICY = {
    Reason.OK: "written as accept",
    Reason.DUPLICATE: "the queue remembers it",
    Reason.TLS_REQUIRED: "of the session",
    Reason.LOGIN_REQUIRED: "of the session",
    Reason.LOGIN_FAILED: "of the session",
    Reason.CLIENT_NOT_ALLOWED: "inbound, of the session",
    Reason.MESSAGE_TOO_LARGE: "of the session and the route",
    Reason.MESSAGE_MALFORMED: "found when the message is read",
    Reason.NOT_ENCRYPTED: "inbound, found on opening",
    Reason.DECRYPTION_FAILED: "inbound, found on opening",
    Reason.SIGNATURE_MISSING: "inbound, found on opening",
    Reason.REPLAYED: "inbound, the queue remembers it",
    Reason.TOO_MANY_RECIPIENTS: "of the session",
    Reason.TOO_MANY_CONNECTIONS: "of the session",
    Reason.SHUTTING_DOWN: "of the session",
    Reason.MESSAGE_TOO_COMPLEX: "found when the message is read",
    Reason.GATEWAY_FAULT: "nobody foresaw it",
    Reason.GATEWAY_FULL: "of the store",
}


def shipped_policy() -> Policy:
    return load_policy(FOLDER, own_domains=OWN, timezone=ZoneInfo("Europe/Stockholm"), shown_as="policies")


def shipped_cases() -> list[Case]:
    return load_cases([FOLDER / "tests"], shipped_policy())


@pytest.mark.parametrize("case", shipped_cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    (result,) = run_cases(shipped_policy(), [case], own_domains=OWN, now=NOW)
    assert result.got == case.want
    assert result.passed


def test_every_reason_has_a_case() -> None:
    asked = {case.want for case in shipped_cases()} - {ACCEPT}
    assert asked == {reason.value for reason in Reason if reason not in NOT_POLICY}


def test_every_channel_pair_user_and_rule_has_a_case() -> None:
    coverage = coverage_of(shipped_policy(), shipped_cases(), own_domains=OWN, now=NOW)
    assert [f"{element.part} {element.name}" for element in coverage.untouched] == []
    assert all(count > 4 for _, count in coverage.counts().values())


def test_every_case_says_its_time() -> None:
    """So that they can be required (`policy_tests`)."""
    require_cases(shipped_policy(), FOLDER, own_domains=OWN)


def test_it_shows_what_a_policy_can_do() -> None:
    policy = shipped_policy()
    assert {len(channel.pairs) for channel in policy.channels} == {1, 2}
    assert any(channel.rules.legal_basis for channel in policy.channels)
    assert any(key.accept_until for mailbox in policy.mailboxes.values() for key in mailbox.keys)
    assert policy.counts()["authorisations"] >= 4


def test_its_fingerprints_are_plainly_examples() -> None:
    fingerprints = [
        key.fingerprint for mailbox in shipped_policy().mailboxes.values() for key in mailbox.keys
    ]
    assert fingerprints
    assert all(fingerprint.startswith("AAAA0000") for fingerprint in fingerprints)


def documented() -> set[str]:
    first_cells = re.findall(r"^\| ([^|]*) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    return {key for cell in first_cells for key in re.findall(r"`([a-z_]+)`", cell)}


def test_every_key_that_is_read_is_documented() -> None:
    keys: set[str] = set()
    for module in (read_mailboxes, read_reading, read_channels, read_rules, read_cases, read_case_message):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        kinds = r"text|texts|date|integer|choice|value|section|sections|people|person(?:_or_none)?"
        asked = rf"(?:{kinds})\((?:section, )?"
        keys |= set(re.findall(asked + r'\n?\s*"([a-z_]+)"', source))
    keys |= set(read_rules.REFUSED_OR_NOT)
    assert len(keys) > 30
    assert keys <= documented()


def test_every_key_that_is_used_is_documented() -> None:
    used = {key for file in FOLDER.glob("*.yaml") for key in keys_of(parse_file(file))}
    assert used <= documented() | {"mailboxes", "channels", "rules"}


def keys_of(node: Node) -> Iterator[str]:
    for entry in node.entries:
        if "@" not in entry.key:
            yield entry.key
        yield from keys_of(entry.node)
    for element in node.elements:
        yield from keys_of(element)
