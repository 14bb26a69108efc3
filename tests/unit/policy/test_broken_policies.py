"""Every broken policy is refused, with each finding where the mistake stands.

The table is broken_policies.yaml beside this file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.document import DocumentInvalid, parse_file, plain
from rorpost_gateway.policy.load import load_policy

TABLE = cast("list[dict[str, Any]]", plain(parse_file(Path(__file__).with_name("broken_policies.yaml"))))


def findings_of(load: Callable[..., Any], *texts: Any) -> list[str]:
    with pytest.raises(DocumentInvalid) as caught:
        load(*texts)
    return [str(finding) for finding in caught.value.findings]


@pytest.mark.parametrize("row", TABLE, ids=[row["name"] for row in TABLE])
def test_broken(row: dict[str, Any], world: Any, small_text: Callable[..., str]) -> None:
    assert findings_of(world.load, small_text(*row["change"])) == row["findings"]


ADVISED = {
    "a rule beside the rules": ("    owner:", "    urgent: allow\n    owner:", "stands below its `rules:`"),
    "an hour with a dot": ('"08:00"', '"8.00"', 'with a colon: "08:00"'),
    "a field that is no X-": ("allow\n", "allow\n  declared_user: {header: From}\n", "begins with X-"),
    "a phone in words": ('"0141-22 50 00"', "ring växeln", "digits, blanks"),
}


@pytest.mark.parametrize("name", ADVISED)
def test_it_is_said_how_to_write_it(name: str, world: Any, small_text: Callable[..., str]) -> None:
    before, after, advice = ADVISED[name]
    with pytest.raises(DocumentInvalid) as caught:
        world.load(small_text((before, after)))
    (finding,) = caught.value.findings
    assert advice in finding.advice


def test_all_findings_of_all_files_at_once(world: Any, small_text: Callable[..., str]) -> None:
    first = small_text(('"0141-22 50 00"', "1"), ("manager: eva.ek@motala.se", "manager: Eva"))
    second = "mailboxes:\n  rorpost.x@motala.se: {nam: X}\nrules: {outside_quotes: allow}\n"
    places = [finding.split(": ")[0] for finding in findings_of(world.load, first, second)]
    assert places == ["p/1.yaml:4:14", "p/1.yaml:5:12", "p/2.yaml:2:25", "p/2.yaml:3:8"]


def test_a_file_that_cannot_be_read_is_not_blamed_on_the_others(world: Any) -> None:
    channels = world.SMALL[world.SMALL.index("channels:") :]
    assert findings_of(world.load, "mailboxes: [\n", channels) == [
        "p/1.yaml:2:1: is not YAML: did not find expected node content"
    ]
    rules = "rules: {outside_quotes: allow, authorisation_max_days: 400\n"
    mailboxes = world.SMALL[: world.SMALL.index("rules:")].replace("2026-12-31", "2027-01-15", 1)
    (finding,) = findings_of(world.load, mailboxes, rules)
    assert finding.startswith("p/2.yaml:2:1: is not YAML")


def test_what_does_not_depend_on_a_file_that_cannot_be_read_is_found_all_the_same(world: Any) -> None:
    at = world.SMALL.index("channels:")
    channels = (
        world.SMALL[at:].replace("owner: eva.ek@motala.se", "owner: Eva").replace("lyckorna\n", "brinken\n")
    )
    assert findings_of(world.load, world.SMALL[:at] + "  - x\n", channels) == [
        "p/1.yaml:24:3: is indented differently from the lines it belongs with",
        "p/2.yaml:4:12: channel 'brinken'.owner is not a mail address: 'Eva'",
        "p/2.yaml:8:5: channel 'brinken' stands twice (first at p/2.yaml:2:5)",
    ]


def test_mailboxes_of_the_wrong_kind_are_not_missed_in_every_channel(world: Any) -> None:
    at = world.SMALL.index("channels:")
    assert findings_of(world.load, "mailboxes: []\n" + world.SMALL[at:]) == [
        "1.yaml:1:12: mailboxes must be a mapping (key: value)"
    ]


def test_a_pair_in_two_channels_of_two_files(world: Any) -> None:
    more = f"channels: [{{name: again, from: {world.CARE}, to: [{world.HOME}]}}]"
    (finding,) = findings_of(world.load, world.SMALL, more)
    assert finding == (
        f"p/2.yaml:1:12: channel 'again': {world.CARE} to {world.HOME} stands in channel 'brinken' "
        "for the same days (p/1.yaml:25:5)"
    )


def test_no_policy_file(world: Any, tmp_path: Path) -> None:
    def load(path: Path) -> Any:
        return load_policy(path, own_domains=world.OWN, timezone=ZoneInfo("UTC"), shown_as="p")

    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "policy.yml").write_text(world.SMALL)
    (empty / ".hidden.yaml").write_text("not: read")
    findings = findings_of(load, empty)
    assert "p:1:1: 'policy.yml' would not be read: policy files are named *.yaml" in findings
    assert "p:1:1: holds no policy file (*.yaml)" in findings
    assert findings_of(load, tmp_path / "none") == ["p:1:1: cannot be read: No such file or directory"]
