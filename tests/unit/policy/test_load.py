"""What is loaded: addresses, dates, keys, rules, and the revision that stands in every decision."""

import hashlib
import json
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.document.findings import DocumentInvalid
from rorpost_gateway.policy.model import EVERY_DAY, WORKING_DAYS, ReadOn, Source

# RFC 8785 by hand: keys in order, no blanks, dates as text. What an auditor would compute.
TINY = """\
rules: {outside_quotes: allow}   # a comment is no part of it
mailboxes:
  rorpost.b@motala.se: {name: "Å", phone: "1"}
  rorpost.a@motala.se: {}
channels:
- {name: c, between: [rorpost.a@motala.se, rorpost.b@motala.se], valid_from: 2026-01-01}
"""
CANONICAL = (
    '{"channels":[{"between":["rorpost.a@motala.se","rorpost.b@motala.se"],"name":"c","valid_from":"2026-01-01"}],'
    '"mailboxes":{"rorpost.a@motala.se":{},"rorpost.b@motala.se":{"name":"Å","phone":"1"}},'
    '"rules":{"outside_quotes":"allow"}}'
)


def test_revision_is_the_digest_of_the_canonical_form(world: Any) -> None:
    policy = world.load(TINY)
    assert policy.canonical.decode() == CANONICAL
    assert policy.revision == hashlib.sha256(CANONICAL.encode()).hexdigest()


def test_several_files_have_the_revision_of_one(world: Any) -> None:
    at = world.SMALL.index("channels:")
    assert world.load(world.SMALL[:at], world.SMALL[at:]).revision == world.load(world.SMALL).revision


def test_comments_and_spelling_of_yaml_do_not_change_the_revision(world: Any) -> None:
    same = json.dumps(json.loads(CANONICAL)).replace('"2026-01-01"', "2026-01-01")
    assert world.load(same).revision == world.load(TINY).revision


def test_a_default_written_out_changes_the_revision(world: Any) -> None:
    assert world.load(TINY).revision != world.load(TINY.replace("allow}", "allow, urgent: reject}")).revision


def test_a_mailbox(world: Any) -> None:
    mailbox = world.small().mailbox(world.HOME.upper())
    assert mailbox.address == world.HOME
    assert (mailbox.name, mailbox.phone, mailbox.manager) == (
        "Hemsjukvården",
        "0141-22 50 00",
        "eva.ek@motala.se",
    )
    assert mailbox.read_at == (time(8), time(13))
    assert str(mailbox.position) == "1.yaml:2:3"
    (period,) = mailbox.users[world.ANNA]
    assert (period.name, period.requested_by, period.executed_by) == (
        "Anna Berg",
        "eva.ek@motala.se",
        "it.drift@motala.se",
    )
    assert (period.valid_from, period.valid_until) == (date(2026, 1, 1), date(2026, 12, 31))


def test_a_mailbox_is_read_on_working_days_and_nobody_is_on_duty_unless_said(world: Any) -> None:
    mailbox = world.small().mailbox(world.HOME)
    assert mailbox.read_on == ReadOn(weekdays=frozenset({0, 1, 2, 3, 4}), on_holidays=False)
    assert mailbox.on_duty == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("working-days", WORKING_DAYS),
        ("every-day", EVERY_DAY),
        ("[sun, mon]", ReadOn(weekdays=frozenset({0, 6}), on_holidays=True)),
        ("[mon, tue, wed, thu, fri, sat, sun]", EVERY_DAY),
        ("null", WORKING_DAYS),
    ],
)
def test_days_on_which_a_mailbox_is_read(world: Any, written: str, meant: ReadOn) -> None:
    policy = world.small(("    read_at:", f"    read_on: {written}\n    read_at:"))
    assert policy.mailbox(world.HOME).read_on == meant


def test_people_on_duty_are_known_to_the_policy(world: Any) -> None:
    policy = world.small(("    read_at:", "    on_duty: [Bo.Lind@motala.se, cia@motala.se]\n    read_at:"))
    assert policy.mailbox(world.HOME).on_duty == ("bo.lind@motala.se", "cia@motala.se")
    assert policy.knows("Cia@motala.se")


def test_keys_count_until_their_last_day(world: Any) -> None:
    mailbox = world.small(('"AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002"', "b" * 64)).mailbox(world.OTHER)
    first, second = "B" * 64, "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0003"
    assert mailbox.keys_on(date(2026, 12, 31)) == (first, second)
    assert mailbox.keys_on(date(2027, 1, 1)) == (first,)


def test_a_mailbox_without_a_name_goes_by_its_address(world: Any) -> None:
    assert world.load(TINY).mailbox("rorpost.a@motala.se").name == "rorpost.a@motala.se"


def test_addresses_are_compared_without_regard_to_case(world: Any) -> None:
    policy = world.small(("user: anna.berg", "user: Anna.BERG"), ("  rorpost.hem", "  Rorpost.HEM"))
    assert world.ANNA in policy.mailbox(world.HOME).users
    assert (world.HOME, world.CARE) in policy.pairs


def test_one_person_may_be_listed_for_one_period_after_the_other(world: Any) -> None:
    again = """\
      - user: anna.berg@motala.se
        requested_by: eva.ek@motala.se
        executed_by: it.drift@motala.se
        valid_from: {}
        valid_until: 2027-12-31
  rorpost.vcbrinken"""
    policy = world.small(("  rorpost.vcbrinken", again.format("2027-01-01")))
    assert len(policy.mailbox(world.HOME).users[world.ANNA]) == 2
    with pytest.raises(DocumentInvalid, match="is listed twice for the same days"):
        world.small(("  rorpost.vcbrinken", again.format("2026-12-31")))


def test_a_pair_may_stand_in_one_channel_after_the_other(world: Any) -> None:
    later = f"channels: [{{name: b, from: {world.HOME}, to: [{world.CARE}], valid_from: 2027-01-01}}]"
    policy = world.load(world.SMALL, later)
    assert [channel.name for channel in policy.pairs[world.HOME, world.CARE]] == ["brinken", "b"]


def test_built_in_rules(world: Any) -> None:
    rules = world.small().rules
    assert rules.sources == (Source.HEADER, Source.SENDER)
    assert rules.header == "X-Rorpost-Sending-User"
    assert rules.inbound_user_required
    assert rules.recipients_in_header
    assert rules.identity_number_refused
    assert rules.urgent_refused
    assert rules.unprotected_headers_refused
    assert rules.legal_basis is None
    assert rules.authorisation_max_days == 366


def test_a_channel_overrides_rule_by_rule(world: Any) -> None:
    policy = world.small(
        (
            "outside_quotes: allow\n",
            "outside_quotes: allow\n  declared_user: {sources: [login], header: X-User}\n",
        ),
        (
            "  - name: lyckorna\n",
            "  - name: lyckorna\n    rules: {urgent: allow, declared_user: {sources: [sender]}}\n",
        ),
    )
    first, second = (channel.rules for channel in policy.channels)
    assert first is policy.rules
    assert (second.sources, second.header, second.urgent_refused) == ((Source.SENDER,), "X-User", False)
    assert str(second.positions["urgent"]) == "1.yaml:32:21"
    assert str(second.positions["declared_user.header"]) == "1.yaml:37:45"


def test_legal_basis_off_in_every_spelling(world: Any) -> None:
    for off in ("off", '"off"'):
        policy = world.small(("outside_quotes: allow\n", f"outside_quotes: allow\n  legal_basis: {off}\n"))
        assert policy.rules.legal_basis is None


def test_who_is_known(world: Any) -> None:
    policy = world.small()
    known = ("rorpost.vcbrinken@regionostergotland.se", "ANNA.berg@motala.se", "eva.ek@motala.se")
    assert all(map(policy.knows, (*known, "it.drift@motala.se")))
    assert not policy.knows("patient@example.com")
    assert not policy.knows("")


def test_who_is_a_person_of_this_side(world: Any) -> None:
    policy = world.small()
    assert policy.is_person("Anna.berg@motala.se", world.OWN)
    assert not policy.is_person(world.ANNA, frozenset({"regionostergotland.se"}))
    assert not policy.is_person("eva.ek@motala.se", world.OWN)  # answers for the mailbox, may not send


def test_counts(world: Any) -> None:
    assert world.small().counts() == {
        "mailboxes": 3,
        "channels": 2,
        "pairs": 3,
        "authorisations": 1,
        "keys": 3,
    }


def test_subfolders_are_no_policy(world: Any, tmp_path: Path) -> None:
    tests = tmp_path / "policy" / "tests"
    tests.mkdir()
    (tests / "cases.yaml").write_text("cases: []")
    assert world.load(TINY, "channels: []").counts()["channels"] == 1
