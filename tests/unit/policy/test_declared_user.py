"""Which person sends: what counts as a statement, who may make it, and for which mailbox."""

from typing import Any

import pytest

from rorpost_gateway.decision import DeclaredBy, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.policy.evaluate import evaluate
from rorpost_gateway.policy.field_address import one_address

ANNA, BO = "anna.berg@motala.se", "bo.lind@motala.se"
MAILBOX = "rorpost.hemsjukvarden@motala.se"


def decide(world: Any, *, policy: Any = None, sources: str | None = None, **asked: Any) -> Any:
    header, sender = asked.pop("header", ()), asked.pop("sender", ())
    authors = asked.pop("authors", (MAILBOX,))
    if sources is not None:
        rule = f"outside_quotes: allow\n  declared_user: {{sources: {sources}}}\n"
        policy = world.small(("outside_quotes: allow\n", rule))
    facts = world.facts(fields={"x-rorpost-sending-user": header}, sender=sender, authors=authors)
    return evaluate(policy or world.small(), world.Keys(), world.question(facts=facts, **asked))


def login(address: str, *aliases: str) -> Login:
    return Login(name=address, address=address, aliases=frozenset(aliases))


class TestStatement:
    @pytest.mark.parametrize(
        ("header", "sender"),
        [
            ((), ()),
            (("",), ()),
            (("Anna Berg",), ()),
            ((ANNA, ANNA), ()),
            ((f"{ANNA}, {BO}",), ()),
            ((f"{ANNA} {BO}",), ()),
            ((f"<{ANNA}> <{BO}>",), ()),
            ((f"{BO} <{ANNA}>",), ()),
            ((f'"Anna" {BO} <{ANNA}>',), ()),
            ((f"Anna (x) <{ANNA}>",), ()),
            (("<>",), ()),
            (("åsa@motala.se",), ()),
            ((f"{ANNA}\0",), ()),
            ((), (MAILBOX,)),  # Outlook writes it when nobody stands behind it
            ((), (ANNA, BO)),
        ],
    )
    def test_none_or_more_than_one(
        self, world: Any, header: tuple[str, ...], sender: tuple[str, ...]
    ) -> None:
        verdict = decide(world, header=header, sender=sender)
        assert verdict.reason is Reason.USER_NOT_DECLARED
        assert verdict.declared_user is None

    def test_an_unreadable_header_is_not_made_good_by_the_sender(self, world: Any) -> None:
        assert decide(world, header=("Anna",), sender=(ANNA,)).reason is Reason.USER_NOT_DECLARED

    @pytest.mark.parametrize(
        "header",
        [ANNA, f" <{ANNA}> ", f"Anna Berg <{ANNA}>", f'"Berg, Anna" <{ANNA}>', "Anna.Berg@MOTALA.se"],
    )
    def test_header(self, world: Any, header: str) -> None:
        verdict = decide(world, header=(header,))
        assert verdict.accepted
        assert (verdict.declared_user.address, verdict.declared_user.declared_by) == (ANNA, DeclaredBy.HEADER)

    def test_sender(self, world: Any) -> None:
        verdict = decide(world, sender=(ANNA,))
        assert verdict.accepted
        assert verdict.declared_user.declared_by is DeclaredBy.SENDER

    def test_the_first_source_of_the_list_counts(self, world: Any) -> None:
        for sources, by in (("[sender, header]", DeclaredBy.SENDER), ("[header, sender]", DeclaredBy.HEADER)):
            verdict = decide(world, sources=sources, header=(ANNA,), sender=(ANNA,))
            assert verdict.declared_user.declared_by is by

    def test_a_source_that_is_not_listed_says_nothing(self, world: Any) -> None:
        assert decide(world, sources="[header]", sender=(ANNA,)).reason is Reason.USER_NOT_DECLARED
        assert decide(world, sources="[header]", header=(ANNA,), sender=(ANNA,)).accepted

    def test_but_the_reader_sees_it_so_it_must_not_name_another(self, world: Any) -> None:
        verdict = decide(world, sources="[header]", header=(ANNA,), sender=(BO,))
        assert verdict.reason is Reason.USER_MISMATCH

    def test_login_as_the_source(self, world: Any) -> None:
        verdict = decide(world, sources="[login]")
        assert verdict.accepted
        assert (verdict.declared_user.address, verdict.declared_user.declared_by) == (ANNA, DeclaredBy.LOGIN)

    def test_login_as_the_source_with_an_alias_listed(self, world: Any) -> None:
        verdict = decide(world, sources="[login]", login=login("ab01@motala.se", ANNA))
        assert verdict.accepted
        assert verdict.declared_user.address == ANNA

    def test_login_as_the_source_without_a_login(self, world: Any) -> None:
        assert decide(world, sources="[login]", login=None).reason is Reason.USER_NOT_DECLARED


class TestMismatch:
    def test_two_sources_disagree(self, world: Any) -> None:
        verdict = decide(world, header=(ANNA,), sender=(BO,))
        assert verdict.reason is Reason.USER_MISMATCH
        assert verdict.declared_user.address == ANNA

    def test_two_sources_disagree_without_a_login(self, world: Any) -> None:
        assert decide(world, header=(ANNA,), sender=(BO,), login=None).reason is Reason.USER_MISMATCH

    def test_not_the_login(self, world: Any) -> None:
        assert decide(world, header=(ANNA,), login=login(BO)).reason is Reason.USER_MISMATCH
        assert decide(world, sender=(ANNA,), login=login(BO)).reason is Reason.USER_MISMATCH

    def test_not_the_login_where_the_login_is_a_source_too(self, world: Any) -> None:
        verdict = decide(world, sources="[header, login]", header=(ANNA,), login=login(BO))
        assert verdict.reason is Reason.USER_MISMATCH

    def test_two_names_of_one_login_do_not_disagree(self, world: Any) -> None:
        verdict = decide(
            world, header=("ab01@motala.se",), sender=(ANNA,), login=login(ANNA, "ab01@motala.se")
        )
        assert verdict.accepted

    def test_without_a_login_the_claim_is_taken(self, world: Any) -> None:
        assert decide(world, header=(ANNA,), login=None).accepted


class TestAuthorisation:
    @pytest.mark.parametrize("who", [BO, "eva.ek@motala.se", "it.drift@motala.se"])
    def test_not_authorised(self, world: Any, who: str) -> None:
        verdict = decide(world, header=(who,), login=login(who))
        assert (verdict.reason, verdict.rule) == (Reason.USER_NOT_AUTHORISED, "mailboxes.users")
        assert str(verdict.position) == "1.yaml:2:3"

    def test_authorised_for_another_mailbox_only(self, world: Any) -> None:
        other = (
            "mailboxes: {rorpost.rehab@motala.se: {}}\nchannels: [{name: r, from: rorpost.rehab@motala.se, "
        )
        policy = world.load(world.SMALL, f"{other}to: [{world.CARE}]}}]")
        asked = {"authors": ("rorpost.rehab@motala.se",), "header": (ANNA,), "policy": policy}
        facts = world.facts(authors=asked["authors"])
        question = world.question(sender="rorpost.rehab@motala.se", facts=facts)
        assert evaluate(policy, world.Keys(), question).reason is Reason.USER_NOT_AUTHORISED

    @pytest.mark.parametrize(
        ("at", "reason"),
        [
            ("2026-02-28T23:59:59+01:00", Reason.USER_NOT_VALID),
            ("2026-03-01T00:00:00+01:00", Reason.OK),
            ("2026-10-31T23:59:59+01:00", Reason.OK),
            ("2026-11-01T00:00:00+01:00", Reason.USER_NOT_VALID),
        ],
    )
    def test_days_are_whole_and_both_ends_count(self, world: Any, at: str, reason: Reason) -> None:
        policy = world.small(
            ("        valid_from: 2026-01-01", "        valid_from: 2026-03-01"),
            ("        valid_until: 2026-12-31", "        valid_until: 2026-10-31"),
        )
        assert decide(world, policy=policy, header=(ANNA,), at=world.moment(at)).reason is reason

    def test_any_name_of_the_login_that_is_listed_counts(self, world: Any) -> None:
        verdict = decide(world, header=("ab01@motala.se",), login=login("ab01@motala.se", ANNA))
        assert verdict.accepted
        assert (
            verdict.declared_user.address == "ab01@motala.se"
        )  # as stated, since that is what the reader sees

    def test_an_alias_of_somebody_else_does_not_count(self, world: Any) -> None:
        verdict = decide(world, header=(BO,), login=login(BO, "bl02@motala.se"))
        assert verdict.reason is Reason.USER_NOT_AUTHORISED


class TestOnBehalf:
    """Exchange: the reverse-path is the person, From is the mailbox, and there is no login."""

    def test_the_person_must_be_the_sender(self, world: Any) -> None:
        assert decide(world, person=BO, sender=(ANNA,), login=None).reason is Reason.USER_MISMATCH

    def test_a_header_for_another_person_is_refused(self, world: Any) -> None:
        verdict = decide(world, person=ANNA, sender=(ANNA,), header=(BO,), login=None)
        assert verdict.reason is Reason.USER_MISMATCH

    def test_a_header_alone_does_not_do(self, world: Any) -> None:
        verdict = decide(world, person=ANNA, header=(ANNA,), login=None)
        assert verdict.reason is Reason.USER_MISMATCH

    def test_a_header_for_another_person_where_sender_is_no_source(self, world: Any) -> None:
        verdict = decide(world, sources="[header]", person=ANNA, sender=(ANNA,), header=(BO,), login=None)
        assert verdict.reason is Reason.USER_MISMATCH

    def test_the_person_must_be_authorised(self, world: Any) -> None:
        verdict = decide(world, person=BO, sender=(BO,), login=None)
        assert verdict.reason is Reason.USER_NOT_AUTHORISED

    def test_accepted(self, world: Any) -> None:
        verdict = decide(world, person=ANNA, sender=(ANNA,), login=None)
        assert verdict.accepted
        assert verdict.declared_user.declared_by is DeclaredBy.SENDER


@pytest.mark.parametrize(
    "value", ['"a" <', "<<a@b.se>>", 'x" <a@b.se>', '"x\\" <a@b.se>', "a@b.se>", "a;<a@b.se>"]
)
def test_what_is_not_one_address(value: str) -> None:
    assert one_address(value) is None
