"""A policy with something broken in it loads as what it says, word for word, or not at all.

What it says is read by another reader: PyYAML's own, in Python, with every value as text. A policy
that loads must have no pair, person, key, day or permission but those that stand there literally.
"""

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.document import DocumentInvalid, Finding
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy
from tests.fuzz.drawn_policies import OWN, Drawn, pairs_of, policies

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = "\n".join(file.read_text(encoding="utf-8") for file in sorted(POLICIES.glob("*.yaml")))
PIECES = [
    "", " ", "  ", "\n", "\n  ", "\t", "\u00a0", "\u200b", "\r\n", "#", ": ", ":", ", ", "- ", "? ", "[", "]",
    "{", "}", '"', "'", "|\n", ">-\n", "&a ", "*a", "!!str ", "<<: ", "null", "~", "allow", "reject", "off",
    "yes", "true", "2026-02-30", "2027-1-1", "9999-12-31", "0141", "*", "@", "rorpost.a@motala.se",
    "between: ", "valid_until: ", "rules: ",
]  # fmt: skip
WORDS = [
    "valid_until", "valid_from", "reject", "require", "urgent", "rules", "users", "between", "to",
    "accept_until", "2026",
]  # fmt: skip
NOTHING = ("null", "~")
RULES = {
    "recipients_in_header": "recipients_in_header",
    "identity_number_in_subject": "identity_number_refused",
    "urgent": "urgent_refused",
    "outside_quotes": "outside_quotes_refused",
    "unprotected_headers": "unprotected_headers_refused",
}
RELAXED = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def broken(data: st.DataObject, text: str) -> str:
    """One to three breakages: something put in, cut out or replaced, at any place or at a telling word."""
    for _ in range(data.draw(st.integers(1, 3))):
        places = [at for word in WORDS if (at := text.find(word, data.draw(st.integers(0, len(text))))) >= 0]
        at = data.draw(st.sampled_from([*places, len(text) // 2]) | st.integers(0, len(text)))
        cut = data.draw(st.sampled_from([0, 0, 1, 2, 4, 12, 40]))
        text = text[:at] + data.draw(st.sampled_from(PIECES)) + text[at + cut :]
    return text


def says_the_same(text: str, file: Path, *, zone: ZoneInfo) -> None:
    file.write_text(text, encoding="utf-8", newline="")
    try:
        policy = load_policy(file, own_domains=OWN, timezone=zone)
    except DocumentInvalid as error:
        point_into_it(error.findings, text)
        return
    said = read_otherwise(text)
    channels = said["channels"] if isinstance(said.get("channels"), list) else []
    rules = said["rules"] if isinstance(said.get("rules"), dict) else {}
    assert set(policy.mailboxes) == {address.lower() for address in said["mailboxes"]}
    assert set(policy.pairs) == {pair for channel in channels for pair in pairs_in(channel)}
    for address, written in said["mailboxes"].items():
        people_and_keys_are_those(policy, address.lower(), given_in(written))
    for channel, written in zip(policy.channels, channels, strict=True):
        assert set(channel.pairs) == set(pairs_in(written))
        assert (channel.valid_from, channel.valid_until) == days(written)
        for name, attribute in RULES.items():
            literally = {**given_in(rules), **given_in(written.get("rules"))}.get(name)
            assert getattr(channel.rules, attribute) is (literally != "allow")


def read_otherwise(text: str) -> Any:
    """By PyYAML's scanner in Python; where it is stricter than libyaml's (tabs between brackets), by that."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return yaml.load(text, Loader=yaml.CBaseLoader)


def point_into_it(findings: tuple[Finding, ...], text: str) -> None:
    assert findings
    for finding in findings:
        assert 1 <= finding.position.line <= text.count("\n") + text.count("\r") + 2
        assert f"{finding.text}{finding.advice}{finding.meant}".isprintable()


def given_in(written: Any) -> dict[str, Any]:
    """What a mapping gives: a key that is null counts as left out."""
    given = written.items() if isinstance(written, dict) else ()
    return {key: value for key, value in given if value not in NOTHING}


def pairs_in(channel: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.lower(), other.lower()) for one, other in pairs_of(given_in(channel))]


def days(written: dict[str, Any]) -> tuple[date | None, date | None]:
    given = given_in(written)
    first, last = (given.get(key) for key in ("valid_from", "valid_until"))
    return (first and date.fromisoformat(first)), (last and date.fromisoformat(last))


def people_and_keys_are_those(policy: Policy, address: str, written: dict[str, Any]) -> None:
    mailbox = policy.mailboxes[address]
    listed = [each for periods in mailbox.users.values() for each in periods]
    assert sorted((each.user, (each.valid_from, each.valid_until)) for each in listed) == sorted(
        (each["user"].lower(), days(each)) for each in written.get("users", [])
    )
    keys = written.get("key", [])
    keys = [keys] if isinstance(keys, str | dict) else keys
    pinned = [each if isinstance(each, dict) else {"fingerprint": each} for each in keys]
    assert [(key.fingerprint, key.accept_until) for key in mailbox.keys] == [
        (each["fingerprint"].upper(), days({"valid_until": each.get("accept_until", "~")})[1])
        for each in pinned
    ]


@RELAXED
@given(drawn=policies(), data=st.data())
def test_any_policy_with_something_broken(drawn: Drawn, data: st.DataObject, tmp_path: Path) -> None:
    says_the_same(broken(data, drawn.text), tmp_path / "policy.yaml", zone=drawn.zone)


@RELAXED
@given(data=st.data())
def test_the_shipped_policy_with_something_broken(data: st.DataObject, tmp_path: Path) -> None:
    says_the_same(broken(data, SHIPPED), tmp_path / "policy.yaml", zone=ZoneInfo("Europe/Stockholm"))


def test_unbroken(tmp_path: Path) -> None:
    says_the_same(SHIPPED, tmp_path / "policy.yaml", zone=ZoneInfo("Europe/Stockholm"))
    assert load_policy(tmp_path / "policy.yaml", own_domains=OWN, timezone=ZoneInfo("UTC")).channels
