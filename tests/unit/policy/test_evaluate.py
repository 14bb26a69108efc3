"""Each rule on its own: first what it refuses, then what it lets through."""

from dataclasses import replace
from typing import Any

import pytest

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.policy.evaluate import Outcome, evaluate, evaluate_all, judge_sender, trace
from rorpost_gateway.policy.rule_table import RULES

ADD_RULE = "outside_quotes: allow\n"


def with_rule(rule: str) -> tuple[str, str]:
    return ADD_RULE, f"{ADD_RULE}  {rule}\n"


def decide(world: Any, policy: Any = None, keys: Any = None, **changes: Any) -> Reason:
    verdict = evaluate(policy or world.small(), keys or world.Keys(), world.question(**changes))
    return verdict.reason


def test_the_order_of_the_rules_is_the_order_of_the_reasons() -> None:
    order = [reason for rule in RULES for reason in rule.reasons]
    assert order == [reason for reason in Reason if reason in order]
    assert len(set(order)) == len(order)


class TestMail:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "anna.berg@motala.se",
            "rorpost.vcbrinken@regionostergotland.se",
            "rorpost.unknown@motala.se",
            "rorpost.hemsjukvarden@motala.se.evil.example",
        ],
    )
    def test_refused(self, world: Any, address: str) -> None:
        verdict = judge_sender(world.small(), address=address, own_domains=world.OWN)
        assert verdict.reason is Reason.SENDER_NOT_A_MAILBOX
        assert not verdict.accepted

    def test_accepted(self, world: Any) -> None:
        verdict = judge_sender(world.small(), address=world.HOME, own_domains=world.OWN)
        assert verdict.accepted
        assert str(verdict.position) == "1.yaml:2:3"


class TestEnvelope:
    """At RCPT: no facts are known."""

    @pytest.mark.parametrize(
        ("sender", "recipient", "reason"),
        [
            ("", "CARE", Reason.SENDER_NOT_A_MAILBOX),
            ("CARE", "HOME", Reason.SENDER_NOT_A_MAILBOX),
            ("HOME", "patient@example.com", Reason.RECIPIENT_NOT_A_MAILBOX),
            ("HOME", "rorpost.unknown@regionostergotland.se", Reason.RECIPIENT_NOT_A_MAILBOX),
            ("HOME", "HOME", Reason.PAIR_NOT_ALLOWED),
        ],
    )
    def test_refused(self, world: Any, sender: str, recipient: str, reason: Reason) -> None:
        sender, recipient = (getattr(world, end, end) for end in (sender, recipient))
        assert decide(world, sender=sender, recipient=recipient, facts=None) is reason

    def test_one_way_is_one_way(self, world: Any) -> None:
        both = frozenset({"motala.se", "regionostergotland.se"})
        back = {"sender": world.OTHER, "recipient": world.HOME, "own_domains": both, "facts": None}
        assert decide(world, **back) is Reason.PAIR_NOT_ALLOWED

    @pytest.mark.parametrize(
        ("at", "reason"),
        [
            ("2025-12-31T23:59:59.999999+01:00", Reason.CHANNEL_NOT_VALID),
            ("2026-01-01T00:00:00+01:00", Reason.OK),
            ("2025-12-31T23:00:00+00:00", Reason.OK),  # already the new year in Stockholm
            ("2026-12-31T23:59:59.999999+01:00", Reason.OK),
            ("2027-01-01T00:00:00+01:00", Reason.CHANNEL_NOT_VALID),
            ("2026-12-31T23:00:00+00:00", Reason.CHANNEL_NOT_VALID),
        ],
    )
    def test_days_are_whole_and_both_ends_count(self, world: Any, at: str, reason: Reason) -> None:
        assert decide(world, at=world.moment(at), facts=None) is reason

    def test_the_channel_in_force_counts(self, world: Any) -> None:
        later = f"channels: [{{name: later, from: {world.HOME}, to: [{world.CARE}], valid_from: 2027-01-01}}]"
        policy = world.load(world.SMALL, later)
        for at, channel in (("2026-12-31", "brinken"), ("2027-01-01", "later")):
            asked = world.question(at=world.moment(f"{at}T12:00:00+01:00"), facts=None)
            assert evaluate(policy, world.Keys(), asked).channel == channel

    @pytest.mark.parametrize(
        "reason", [Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED, Reason.KEY_UNUSABLE]
    )
    def test_no_key_to_seal_to(self, world: Any, reason: Reason) -> None:
        keys = world.Keys({"AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001": reason})
        verdict = evaluate(world.small(), keys, world.question(facts=None))
        assert (verdict.reason, verdict.seal_to, verdict.sign_with) == (reason, None, None)
        assert str(verdict.position) == "1.yaml:17:10"

    def test_no_key_to_sign_with(self, world: Any) -> None:
        keys = world.Keys({f"OF {world.HOME}": Reason.KEY_EXPIRED})
        assert decide(world, keys=keys, facts=None) is Reason.KEY_EXPIRED

    def test_keys_are_asked_for_by_fingerprint(self, world: Any) -> None:
        keys = world.Keys()
        verdict = evaluate(world.small(), keys, world.question(recipient=world.OTHER, facts=None))
        assert keys.asked == [
            (
                "seal",
                world.OTHER,
                (
                    "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002",
                    "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0003",
                ),
            ),
            ("sign", world.HOME, ()),
        ]
        assert verdict.seal_to is not None
        assert verdict.seal_to.primary.endswith("0002")

    @pytest.mark.parametrize("own_domains", [{"motala.se"}, {"motala.se", "regionostergotland.se"}])
    def test_a_mailbox_whose_pins_have_run_out_is_not_looked_up_by_name(
        self, world: Any, own_domains: set[str]
    ) -> None:
        policy = world.small(
            ('key:\n      - "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002"', "key:"),
            ("accept_until: 2026-12-31", "accept_until: 2026-01-31"),
        )  # fmt: skip
        keys = world.Keys()
        reason = decide(
            world, policy, keys, recipient=world.OTHER, facts=None, own_domains=frozenset(own_domains)
        )
        assert reason is Reason.KEY_EXPIRED
        assert all(use == "sign" for use, _, _ in keys.asked)

    def test_a_partner_without_a_pin_is_not_looked_up_by_name(self, world: Any) -> None:
        both = frozenset({"motala.se", "regionostergotland.se"})
        text = world.SMALL.replace('    key: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"\n', "")
        policy, keys = world.load(text, own_domains=both), world.Keys()
        assert decide(world, policy, keys, facts=None) is Reason.KEY_MISSING
        assert all(use == "sign" for use, _, _ in keys.asked)

    def test_accepted(self, world: Any) -> None:
        verdict = evaluate(world.small(), world.Keys(), world.question(facts=None))
        assert verdict.accepted
        assert (verdict.channel, verdict.phone, verdict.rule) == ("brinken", "010-103 00 00", "channels")
        assert str(verdict.position) == "1.yaml:25:5"
        assert verdict.seal_to is not None
        assert verdict.seal_to.primary == "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"
        assert verdict.sign_with is not None
        assert verdict.sign_with.primary == f"OF {world.HOME}"
        assert verdict.declared_user is None

    def test_a_refusal_carries_the_phone_number_of_the_unit(self, world: Any) -> None:
        asked = world.question(sender=world.HOME, recipient=world.OTHER, facts=None)
        over = ("  - name: lyckorna\n", "  - name: lyckorna\n    valid_until: 2026-01-01\n")
        verdict = evaluate(world.small(over), world.Keys(), asked)
        assert (verdict.reason, verdict.phone, verdict.channel) == (
            Reason.CHANNEL_NOT_VALID,
            "010-103 00 10",
            "lyckorna",
        )
        assert str(verdict.position) == "1.yaml:32:18"


class TestMessage:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"authors": ()}, Reason.AUTHOR_MISMATCH),
            ({"authors": ("anna.berg@motala.se",)}, Reason.AUTHOR_MISMATCH),
            ({"authors": ("rorpost.hemsjukvarden@motala.se", "x@y.se")}, Reason.AUTHOR_MISMATCH),
            ({"bcc_present": True}, Reason.HIDDEN_RECIPIENT),
            ({"to": ()}, Reason.HIDDEN_RECIPIENT),
            ({"cc": ("patient@example.com",)}, Reason.OUTSIDE_RECIPIENT),
            ({"reply_to": ("anna.berg@motala.se",)}, Reason.OUTSIDE_RECIPIENT),
            ({"receipts_to": ("anna.berg@motala.se",)}, Reason.OUTSIDE_RECIPIENT),
            ({"urgent": True}, Reason.URGENT),
            ({"subject": "Ang. 19811218-9876"}, Reason.IDENTITY_NUMBER_IN_SUBJECT),
            ({"sealed_already": True}, Reason.MAIL_LOOP),
            ({"received_here": True}, Reason.MAIL_LOOP),
            ({"received_count": 51}, Reason.MAIL_LOOP),
            ({"received_count": 50}, Reason.OK),
            ({"to": (), "cc": ("rorpost.vcbrinken@regionostergotland.se",)}, Reason.OK),
            ({"reply_to": ("rorpost.hemsjukvarden@motala.se",)}, Reason.OK),
        ],
    )
    def test_rule(self, world: Any, changes: dict[str, Any], reason: Reason) -> None:
        assert decide(world, facts=world.facts(**changes)) is reason

    @pytest.mark.parametrize(
        ("rule", "changes"),
        [
            ("urgent: allow", {"urgent": True}),
            ("identity_number_in_subject: allow", {"subject": "19811218-9876"}),
            ("recipients_in_header: allow", {"to": ()}),
        ],
    )
    def test_rule_that_the_policy_takes_back(self, world: Any, rule: str, changes: dict[str, Any]) -> None:
        assert decide(world, world.small(with_rule(rule)), facts=world.facts(**changes)) is Reason.OK

    def test_a_blind_copy_field_is_refused_in_any_case(self, world: Any) -> None:
        policy = world.small(with_rule("recipients_in_header: allow"))
        assert decide(world, policy, facts=world.facts(bcc_present=True)) is Reason.HIDDEN_RECIPIENT

    def test_a_hidden_recipient_refuses_the_others_too(self, world: Any) -> None:
        assert decide(world, envelope_recipients=(world.CARE, world.OTHER)) is Reason.HIDDEN_RECIPIENT

    def test_the_first_rule_that_fails_decides(self, world: Any) -> None:
        facts = world.facts(urgent=True, subject="19811218-9876", bcc_present=True, sealed_already=True)
        verdict = evaluate(
            world.small(with_rule("urgent: reject")), world.Keys(), world.question(facts=facts)
        )
        assert verdict.reason is Reason.HIDDEN_RECIPIENT
        facts = replace(facts, bcc_present=False)
        verdict = evaluate(
            world.small(with_rule("urgent: reject")), world.Keys(), world.question(facts=facts)
        )
        assert (verdict.reason, verdict.rule, str(verdict.position)) == (
            Reason.URGENT,
            "rules.urgent",
            "1.yaml:36:11",
        )


class TestLegalBasis:
    @pytest.mark.parametrize(
        ("stated", "reason"),
        [
            ((), Reason.LEGAL_BASIS_MISSING),
            (("",), Reason.LEGAL_BASIS_MISSING),
            (("annat",), Reason.LEGAL_BASIS_MISSING),
            (("samtycke, menprovning",), Reason.LEGAL_BASIS_MISSING),
            (("samtycke", "menprovning"), Reason.LEGAL_BASIS_MISSING),
            (("samtycke", "samtycke"), Reason.LEGAL_BASIS_MISSING),
            ((" Samtycke ",), Reason.OK),
            (("menprovning",), Reason.OK),
        ],
    )
    def test_stated(self, world: Any, stated: tuple[str, ...], reason: Reason) -> None:
        policy = world.small(with_rule("legal_basis: [samtycke, menprovning]"))
        fields = {"x-rorpost-sending-user": (world.ANNA,), "x-rorpost-legal-basis": stated}
        verdict = evaluate(policy, world.Keys(), world.question(facts=world.facts(fields=fields)))
        assert verdict.reason is reason
        assert verdict.legal_basis == (stated[0].strip().lower() if reason is Reason.OK else None)

    def test_a_channel_may_do_without(self, world: Any) -> None:
        channel = ("    owner: eva.ek@motala.se\n", "    rules: {legal_basis: off}\n")
        policy = world.small(channel, with_rule("legal_basis: [samtycke]"))
        assert decide(world, policy) is Reason.OK


class TestAll:
    """After DATA all recipients are accepted, or none is."""

    def ask(self, world: Any, policy: Any, facts: Any, recipients: tuple[str, ...]) -> list[Any]:
        questions = [
            world.question(recipient=recipient, facts=facts, envelope_recipients=recipients)
            for recipient in recipients
        ]
        return evaluate_all(policy, world.Keys(), questions)

    def test_one_channels_rule_refuses_all_and_says_whose_it_was(self, world: Any) -> None:
        policy = world.small(
            ("  - name: lyckorna\n", "  - name: lyckorna\n    rules: {legal_basis: [samtycke]}\n")
        )
        both = (world.CARE, world.OTHER)
        first, second = self.ask(world, policy, world.facts(to=both), both)
        assert (first.reason, first.because_of) == (Reason.LEGAL_BASIS_MISSING, world.OTHER)
        assert (second.reason, second.because_of) == (Reason.LEGAL_BASIS_MISSING, None)
        assert (first.channel, first.phone) == ("brinken", "010-103 00 00")
        assert first.seal_to is None
        assert first.sign_with is None
        assert str(first.position) == str(second.position) == "1.yaml:32:26"

    def test_the_earliest_rule_wins_whoever_it_concerns(self, world: Any) -> None:
        rules = "    rules: {legal_basis: [samtycke], declared_user: {sources: [login]}}\n"
        policy = world.small(("  - name: lyckorna\n", f"  - name: lyckorna\n{rules}"))
        both = (world.OTHER, world.CARE)
        verdicts = self.ask(world, policy, world.facts(to=both, fields={}), both)
        assert [v.reason for v in verdicts] == [Reason.USER_NOT_DECLARED] * 2
        assert [v.because_of for v in verdicts] == [world.CARE, None]

    def test_what_concerns_the_message_concerns_everybody(self, world: Any) -> None:
        both = (world.CARE, world.OTHER)
        verdicts = self.ask(world, world.small(), world.facts(to=both, urgent=True), both)
        assert [(v.reason, v.because_of) for v in verdicts] == [(Reason.URGENT, None)] * 2

    def test_all_accepted(self, world: Any) -> None:
        both = (world.CARE, world.OTHER)
        verdicts = self.ask(world, world.small(), world.facts(to=both), both)
        assert all(v.accepted and v.seal_to for v in verdicts)

    def test_nobody(self, world: Any) -> None:
        assert evaluate_all(world.small(), world.Keys(), []) == []


class TestTrace:
    def test_every_rule_stands_in_it_with_its_line(self, world: Any) -> None:
        steps = trace(world.small(), world.Keys(), world.question())
        assert [step.reasons for step in steps] == [rule.reasons for rule in RULES]
        assert {step.outcome for step in steps} == {Outcome.PASSED}
        assert [str(step.position) for step in steps[:4]] == [
            "1.yaml:2:3",
            "1.yaml:14:3",
            "1.yaml:25:5",
            "1.yaml:30:18",
        ]

    def test_it_ends_where_a_rule_fails(self, world: Any) -> None:
        asked = world.question(facts=world.facts(fields={}))
        steps = trace(world.small(), world.Keys(), asked)
        outcomes = [step.outcome for step in steps]
        assert outcomes[:6] == [Outcome.PASSED] * 5 + [Outcome.FAILED]
        assert set(outcomes[6:]) == {Outcome.NOT_TRIED}
        assert len(outcomes) == len(RULES)
        assert steps[5].reason is Reason.USER_NOT_DECLARED

    def test_without_a_message_its_rules_are_not_tried(self, world: Any) -> None:
        steps = trace(world.small(), world.Keys(), world.question(facts=None))
        assert [step.outcome for step in steps[4:6]] == [Outcome.PASSED, Outcome.NOT_TRIED]

    def test_it_agrees_with_the_decision(self, world: Any) -> None:
        for changes in ({"urgent": True}, {"authors": ()}, {"fields": {}}, {}):
            asked = world.question(facts=world.facts(**changes))
            failed = [s.reason for s in trace(world.small(), world.Keys(), asked) if s.reason]
            assert (failed or [Reason.OK])[0] is evaluate(world.small(), world.Keys(), asked).reason


class TestInbound:
    def test_an_inbound_message_is_never_judged_by_these_rules(self, world: Any) -> None:
        with pytest.raises(ValueError, match="without its seal"):
            world.question(direction=Direction.INBOUND)

    @pytest.mark.parametrize(
        ("sender", "recipient", "reason"),
        [
            ("CARE", "HOME", Reason.OK),
            ("OTHER", "HOME", Reason.PAIR_NOT_ALLOWED),
            ("HOME", "CARE", Reason.RECIPIENT_NOT_A_MAILBOX),
            ("x@y.se", "HOME", Reason.SENDER_NOT_A_MAILBOX),
        ],
    )
    def test_envelope(self, world: Any, sender: str, recipient: str, reason: Reason) -> None:
        keys = world.Keys()
        verdict = evaluate(
            world.small(),
            keys,
            world.question(
                direction=Direction.INBOUND,
                sender=getattr(world, sender, sender),
                recipient=getattr(world, recipient),
                facts=None,
            ),
        )
        assert verdict.reason is reason
        assert verdict.seal_to is None
        assert not keys.asked
