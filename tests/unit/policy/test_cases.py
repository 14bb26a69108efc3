"""Cases: how they are read, how their message is built, and that a wrong expectation is seen."""

from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.policy.cases import load_cases, message_of, run_cases

CASE = """\
cases:
  - name: n
    from: rorpost.hemsjukvarden@motala.se
    to: rorpost.vcbrinken@regionostergotland.se
    user: anna.berg@motala.se
    want: accept
"""


def cases(world: Any, tmp_path: Path, text: str) -> Any:
    (tmp_path / "case.yaml").write_text(text, encoding="utf-8")
    return load_cases([tmp_path / "case.yaml"], world.small())


def run(world: Any, tmp_path: Path, more: str = "", want: str = "accept") -> Any:
    text = CASE.replace("want: accept\n", f"want: {want}\n{more}")
    loaded = cases(world, tmp_path, text)
    (result,) = run_cases(world.small(), loaded, own_domains=world.OWN, now=world.moment())
    return result


def test_a_wrong_expectation_fails(world: Any, tmp_path: Path) -> None:
    result = run(world, tmp_path, want="urgent")
    assert not result.passed
    assert (result.got, result.case.want) == ("accept", "urgent")
    assert str(result.case.position).endswith("case.yaml:2:5")


@pytest.mark.parametrize(
    ("more", "got"),
    [
        ("", "accept"),
        ("    at: 2026-12-31\n", "accept"),
        ("    at: 2027-01-01\n", "channel-not-valid"),
        ("    at: 2027-01-01T00:30:00+02:00\n", "accept"),
        ("    login: none\n", "accept"),
        ("    login: bo.lind@motala.se\n", "user-mismatch"),
        ("    login: bo.lind@motala.se\n    aliases: [Anna.berg@motala.se]\n", "accept"),
        ("    keys: {rorpost.hemsjukvarden@motala.se: revoked}\n", "key-revoked"),
        ("    message: {importance: high}\n", "urgent"),
        ("    message: {subject: 'Åke 811218-9876'}\n", "identity-number-in-subject"),
        ("    message: {headers: {X-Priority: '1'}}\n", "urgent"),
        ("    message: {headers: {x-rorpost-sending-user: bo.lind@motala.se}}\n", "user-mismatch"),
        ("    message: {headers: {X-Rorpost-Sending-User: []}}\n", "user-not-declared"),
        ("    message: {headers: {From: [a@b.se, c@d.se]}}\n", "author-mismatch"),
        ("    message: {headers: {Bcc: a@b.se}}\n", "hidden-recipient"),
        ("    message: {headers: {To: 'not an (address'}}\n", "message-malformed"),
        ("    message: {headers: {Received: 'from x by gateway.case.invalid; today'}}\n", "mail-loop"),
    ],
)
def test_what_a_case_can_say(world: Any, tmp_path: Path, more: str, got: str) -> None:
    result = run(world, tmp_path, more)
    assert result.got == got
    assert (result.verdict is None) == (got == "message-malformed") == bool(result.fault)


def test_its_message_is_read_as_a_submitted_one(world: Any, tmp_path: Path) -> None:
    more = "    message: {subject: 'Åke, tisdag', legal_basis: samtycke, headers: {Cc: 'Å <a@b.se>'}}\n"
    (case,) = cases(world, tmp_path, CASE + more)
    octets = message_of(case, world.small(), at=world.moment())
    octets.decode("ascii")
    facts = read_facts(parse_message(octets), hostname="gw.example")
    assert facts.subject == "Åke, tisdag"
    assert (facts.authors, facts.to, facts.cc) == ((world.HOME,), (world.CARE,), ("a@b.se",))
    assert facts.fields["x-rorpost-legal-basis"] == ("samtycke",)
    assert facts.fields["x-rorpost-sending-user"] == (world.ANNA,)


@pytest.mark.parametrize(("sources", "name"), [("[sender, login]", "Sender"), ("[login]", None)])
def test_the_user_is_stated_as_the_channel_reads_it(
    world: Any, tmp_path: Path, sources: str, name: str
) -> None:
    rule = f"outside_quotes: allow\n  declared_user: {{sources: {sources}}}\n"
    policy = world.small(("outside_quotes: allow\n", rule))
    (case,) = cases(world, tmp_path, CASE)
    octets = message_of(case, policy, at=world.moment())
    assert (b"Sender: " in octets) == (name is not None)
    (result,) = run_cases(policy, [case], own_domains=world.OWN, now=world.moment())
    assert result.passed


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        ("    wnat: x\n", "7:5: unknown key 'wnat' in case 'n'"),
        ("    at: 2026-05-06T08:00:00\n", "7:9: case 'n'.at must be a day, or a time with its offset"),
        ("    at: noon\n", "7:9: case 'n'.at must be a day, or a time with its offset"),
        ("    keys: {a@b.se: lost}\n", "7:20: case 'n'.keys.a@b.se must be one of: usable, missing"),
        ('    message: {subject: "a\\nBcc: x"}\n', "holds something that cannot stand in a header field"),
        (
            '    message: {headers: {X: "a\\r\\nBcc: x"}}\n',
            "holds something that cannot stand in a header field",
        ),
        ('    message: {headers: {"X: y": a}}\n', "is no header field name"),
        ("    message: {txet: hej}\n", "7:15: unknown key 'txet' in case 'n'.message"),
        ("    direction: sideways\n", "7:16: case 'n'.direction must be one of: outbound, inbound"),
    ],
)
def test_a_broken_case(world: Any, tmp_path: Path, more: str, finding: str) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        cases(world, tmp_path, CASE + more)
    assert finding in caught.value.public


def test_an_unknown_reason_is_no_expectation(world: Any, tmp_path: Path) -> None:
    with pytest.raises(DocumentInvalid, match="want must be one of: accept, duplicate"):
        cases(world, tmp_path, CASE.replace("want: accept", "want: refused"))


def test_every_reason_may_be_wanted(world: Any, tmp_path: Path) -> None:
    for reason in Reason:
        if reason is not Reason.OK:
            cases(world, tmp_path, CASE.replace("want: accept", f"want: {reason}"))
