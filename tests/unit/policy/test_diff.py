"""What a change of policy means: the small policy, bent in one place at a time."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from rorpost_gateway.policy.attachment_rules import AttachmentRules
from rorpost_gateway.policy.diff import compare
from rorpost_gateway.policy.difference import Difference, Effect, Span
from rorpost_gateway.policy.model import Authorisation, Channel, Mailbox, PinnedKey, Policy, Rules
from rorpost_gateway.policy.periods import Period
from rorpost_gateway.policy.rule_changes import differing_rules, signature

HOME = "rorpost.hemsjukvarden@motala.se"
CARE = "rorpost.vcbrinken@regionostergotland.se"
OTHER = "rorpost.vclyckorna@regionostergotland.se"
OWN = frozenset({"motala.se"})


WHOLE_YEAR = "    valid_from: 2026-01-01\n    valid_until: 2026-12-31\n  - name: lyck"
TWO_HALVES = f"""\
    valid_from: 2026-01-01
    valid_until: 2026-06-30
  - name: brinken-2
    between: [{CARE}, {HOME}]
    valid_from: 2026-07-01
    valid_until: 2026-12-31
  - name: lyck"""
WHOLE = "valid_from: 2026-01-01\n        valid_until: 2026-12-31"
EARLIER = "valid_from: 2025-12-31\n        valid_until: 2026-12-31"
ANOTHER_TIME = "valid_from: 2026-06-01\n        valid_until: 2027-05-31"
PERSON = (
    "{user: kim@regionostergotland.se, requested_by: b@motala.se, executed_by: c@motala.se,"
    " valid_from: 2026-01-01, valid_until: 2026-02-01}"
)


@pytest.fixture
def change(world: Any) -> Any:
    """The difference that replacing pieces of the small policy's text makes."""

    def differing(*pieces: tuple[str, str]) -> Difference:
        old = world.small()
        return compare(old, world.small(*pieces), own_domains=OWN)

    return differing


def filled(difference: Difference) -> set[str]:
    """The parts of a difference in which something stands."""
    parts = {field.name for field in fields(difference)} - {"old_revision", "new_revision"}
    return {part for part in parts if getattr(difference, part)}


def the_only(things: tuple[Any, ...]) -> Any:
    (one,) = things
    return one


# --- nothing ---------------------------------------------------------------------------------


def test_the_same_is_no_difference(change: Any) -> None:
    assert not change()


@pytest.mark.parametrize(
    "piece",
    [
        ("users:\n", "read_on: working-days\n    users:\n"),  # as it is where nobody says it
        ("AAAA0001", "aaaa0001"),
        ("from: rorpost.hem", "from: Rorpost.Hem"),
        (WHOLE_YEAR, TWO_HALVES),
    ],
)
def test_what_is_only_written_otherwise_changes_nothing_of_substance(
    change: Any, piece: tuple[str, str]
) -> None:
    difference = change(piece)
    assert difference.old_revision != difference.new_revision
    assert filled(difference) <= {"channels"}
    assert difference.looser == difference.stricter == 0


# --- who to whom ------------------------------------------------------------------------------


def test_a_channel_that_is_longer(change: Any) -> None:
    difference = change(("2026-12-31\n  - name: lyckorna", "2027-06-30\n  - name: lyckorna"))
    assert filled(difference) == {"allowed"}
    assert [(one.sender, one.recipient) for one in difference.allowed] == [(HOME, CARE), (CARE, HOME)]
    assert {one.periods for one in difference.allowed} == {
        (Period(first=date(2027, 1, 1), last=date(2027, 6, 30)),)
    }
    assert all(one.elsewhere and one.channel == "brinken" for one in difference.allowed)
    assert (difference.looser, difference.stricter) == (2, 0)


def test_a_channel_without_an_end_is_allowed_for_ever(change: Any) -> None:
    one = change(("    valid_until: 2026-12-31\n  - name: lyckorna", "  - name: lyckorna")).allowed[0]
    assert one.periods == (Period(first=date(2027, 1, 1), last=None),)


def test_a_new_pair_shows_under_which_unusual_rules(change: Any) -> None:
    more = f"  - name: back\n    from: {OTHER}\n    to: [{HOME}]\n    rules: {{urgent: allow}}\nrules:"
    difference = change(("rules:", more))
    one = the_only(difference.allowed)
    assert (one.sender, one.recipient, one.channel, one.elsewhere) == (OTHER, HOME, "back", False)
    assert one.periods == (Period(first=None, last=None),)
    assert [(rule.key, rule.value, rule.effect) for rule in one.rules] == [("urgent", "allow", Effect.LOOSER)]
    assert difference.channels.gained == ("back",)


def test_a_pair_that_is_gone(change: Any) -> None:
    difference = change((f"between: [{HOME}, {CARE}]", f"from: {HOME}\n    to: [{CARE}]"))
    one = the_only(difference.refused)
    assert (one.sender, one.recipient, one.elsewhere) == (CARE, HOME, False)
    assert filled(difference) == {"refused"}
    assert (difference.looser, difference.stricter) == (0, 1)


def test_a_channel_that_is_renamed(change: Any) -> None:
    difference = change(("name: lyckorna", "name: lyckorna-2"))
    assert filled(difference) == {"channels"}
    assert difference.channels.renamed == (("lyckorna", "lyckorna-2"),)


def test_a_looser_rule_does_not_hide_behind_another_name(change: Any) -> None:
    difference = change(("name: lyckorna\n", "name: lyckorna-2\n    rules: {urgent: allow}\n"))
    one = the_only(difference.rules)
    assert (one.key, one.old, one.new, one.effect) == ("urgent", "reject", "allow", Effect.LOOSER)
    assert [scope.channel for scope in one.scopes] == ["lyckorna-2"]
    assert not one.every_channel
    assert not one.default


def test_a_pair_that_moves_to_a_looser_channel(world: Any) -> None:
    """Only the pair that moved is concerned, and it is named."""
    before = (
        f"  - name: loose\n    from: {CARE}\n    to: [{OTHER}]\n    rules: {{urgent: allow}}\n"
        "    valid_from: 2026-01-01\n    valid_until: 2026-12-31\nrules:"
    )
    old = world.small(("rules:", before))
    new = world.small(
        ("rules:", before.replace(f"[{OTHER}]", f"[{OTHER}, {HOME}]")),
        (f"between: [{HOME}, {CARE}]", f"from: {HOME}\n    to: [{CARE}]"),
    )
    difference = compare(old, new)
    assert filled(difference) == {"rules"}
    scope = the_only(the_only(difference.rules).scopes)
    assert (scope.channel, scope.pairs) == ("loose", ((CARE, HOME),))


# --- rules ------------------------------------------------------------------------------------


def test_the_policys_own_rule_concerns_every_channel_that_is_silent(change: Any) -> None:
    one = the_only(change(("rules:\n", "rules:\n  recipients_in_header: allow\n")).rules)
    assert (one.key, one.effect, one.every_channel, one.default) == (
        *("recipients_in_header", Effect.LOOSER),
        *(True, True),
    )


def test_a_default_is_told_though_every_channel_overrides_it(world: Any) -> None:
    said = (("name: brinken\n", "name: brinken\n    rules: {urgent: reject}\n"),
            ("name: lyckorna\n", "name: lyckorna\n    rules: {urgent: reject}\n"))  # fmt: skip
    one = the_only(
        compare(world.small(*said), world.small(*said, ("rules:\n", "rules:\n  urgent: allow\n"))).rules
    )
    assert (one.scopes, one.default, one.effect) == ((), True, Effect.LOOSER)


def test_how_long_people_are_authorised_is_a_rule_too(change: Any) -> None:
    one = the_only(change(("rules:\n", "rules:\n  authorisation_max_days: 400\n")).rules)
    assert (one.key, one.effect, one.scopes) == ("authorisation_max_days", Effect.LOOSER, ())


RULES = Rules()
LIMITS = AttachmentRules(max_bytes=10, deny_types=("a/b",), allow_types=("c/d",))


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ({"urgent_refused": True}, {"urgent_refused": False}, Effect.LOOSER),
        ({"urgent_refused": False}, {"urgent_refused": True}, Effect.STRICTER),
        ({"inbound_user_required": True}, {"inbound_user_required": False}, Effect.LOOSER),
        ({"legal_basis": None}, {"legal_basis": ("a",)}, Effect.STRICTER),
        ({"legal_basis": ("a",)}, {"legal_basis": None}, Effect.LOOSER),
        ({"legal_basis": ("a",)}, {"legal_basis": ("a", "b")}, Effect.LOOSER),
        ({"legal_basis": ("a", "b")}, {"legal_basis": ("b",)}, Effect.STRICTER),
        ({"legal_basis": ("a",)}, {"legal_basis": ("b",)}, Effect.BOTH),
        ({"sources": ("header",)}, {"sources": ("header", "login")}, Effect.LOOSER),
        ({"sources": ("header", "login")}, {"sources": ("login", "header")}, Effect.OTHER),
        ({"sources": ("header",)}, {"sources": ("login",)}, Effect.BOTH),
        ({"header": "X-A"}, {"header": "X-B"}, Effect.OTHER),
        ({"attachments": None}, {"attachments": LIMITS}, Effect.STRICTER),
        ({"attachments": LIMITS}, {"attachments": None}, Effect.LOOSER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, max_bytes=11)}, Effect.LOOSER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, max_bytes=9)}, Effect.STRICTER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, max_bytes=None)}, Effect.LOOSER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, max_total_bytes=9)}, Effect.STRICTER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, deny_types=())}, Effect.LOOSER),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, allow_types=None)}, Effect.LOOSER),
        (
            {"attachments": LIMITS},
            {"attachments": replace(LIMITS, allow_types=("c/d", "e/f"))},
            Effect.LOOSER,
        ),
        ({"attachments": LIMITS}, {"attachments": replace(LIMITS, allow_types=())}, Effect.STRICTER),
        (
            {"attachments": LIMITS},
            {"attachments": replace(LIMITS, uninspectable_refused=False)},
            Effect.LOOSER,
        ),
    ],
)
def test_which_way_a_rule_went(old: dict[str, Any], new: dict[str, Any], effect: Effect) -> None:
    one = the_only(differing_rules(replace(RULES, **old), replace(RULES, **new)))
    assert one.effect is effect
    assert one.old != one.new
    assert effect.opens == (effect is not Effect.STRICTER)


# --- people -----------------------------------------------------------------------------------


def test_somebody_new(change: Any) -> None:
    more = (
        "      - user: bo.lind@motala.se\n        requested_by: eva.ek@motala.se\n"
        "        executed_by: it.drift@motala.se\n        valid_from: 2026-03-01\n"
        f"        valid_until: 2026-08-31\n  {CARE}:\n"
    )
    one = the_only(change((f"  {CARE}:\n", more)).authorisations)
    assert (one.mailbox, one.user, one.span) == (HOME, "bo.lind@motala.se", Span.APPEARS)
    assert one.gained == (Period(first=date(2026, 3, 1), last=date(2026, 8, 31)),)
    assert one.reaches == (CARE, OTHER)
    assert (one.requested_by, one.executed_by) == ("eva.ek@motala.se", "it.drift@motala.se")


@pytest.mark.parametrize(
    ("old", "new", "span", "looser", "stricter"),
    [
        (f"valid_until: 2026-12-31\n  {CARE}", f"valid_until: 2026-06-30\n  {CARE}", Span.SHORTER, 0, 1),
        (WHOLE, EARLIER, Span.LONGER, 1, 0),
        (WHOLE, ANOTHER_TIME, Span.MOVED, 1, 1),
        ("requested_by: eva.ek", "requested_by: per.nord", Span.RESTATED, 0, 0),
    ],
)
def test_an_authorisation_that_changes(
    change: Any, old: str, new: str, span: Span, looser: int, stricter: int
) -> None:
    difference = change((old, new))
    assert filled(difference) == {"authorisations"}
    assert the_only(difference.authorisations).span is span
    assert (difference.looser, difference.stricter) == (looser, stricter)


def test_a_mailbox_that_goes_takes_its_people_along(world: Any) -> None:
    extra = f"mailboxes:\n  rorpost.ny@motala.se:\n    users:\n      - {PERSON}\n"
    difference = compare(world.small(("mailboxes:\n", extra)), world.small())
    assert difference.mailboxes.lost == ("rorpost.ny@motala.se",)
    assert the_only(difference.authorisations).span is Span.ENDS


def test_a_partner_that_lists_nobody_any_more_is_believed(world: Any) -> None:
    users = f"    users:\n      - {PERSON}\n    name: Vårdcentralen B"
    listing, silent = world.small(("    name: Vårdcentralen B", users)), world.small()
    lost = compare(listing, silent, own_domains=OWN)
    assert (lost.believed, lost.listed) == ((CARE,), ())
    assert (lost.looser, lost.stricter) == (1, 1)
    gained = compare(silent, listing, own_domains=OWN)
    assert (gained.believed, gained.listed) == ((), (CARE,))
    ours = compare(listing, silent, own_domains=frozenset({"regionostergotland.se"}))
    assert ours.believed == ()


# --- keys and what else there is ----------------------------------------------------------------


def test_a_key_that_is_replaced(change: Any) -> None:
    difference = change(("AAAA0001", "AAAA0009"))
    assert [(one.fingerprint[-1], one.gained, one.lost) for one in difference.keys] == [
        ("1", False, True),
        ("9", True, False),
    ]
    assert (difference.looser, difference.stricter) == (1, 1)


@pytest.mark.parametrize(
    ("until", "effect"), [("2027-12-31", Effect.LOOSER), ("2026-06-30", Effect.STRICTER)]
)
def test_a_key_that_is_accepted_on_other_days(change: Any, until: str, effect: Effect) -> None:
    one = the_only(change(("accept_until: 2026-12-31", f"accept_until: {until}")).keys)
    assert (one.old_until, one.new_until, one.effect) == ("2026-12-31", until, effect)


def test_keys_in_another_order(change: Any) -> None:
    second = '{fingerprint: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0003", accept_until: 2026-12-31}'
    first = '"AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002"'
    difference = change((f"- {first}\n      - {second}", f"- {second}\n      - {first}"))
    assert filled(difference) == {"key_order"}
    assert difference.key_order == (OTHER,)


@pytest.mark.parametrize(
    ("old", "new", "what", "words"),
    [
        ('phone: "0141-22 50 00"', 'phone: "0141-22 50 01"', "phone", "0141-22 50 01"),
        ("name: Hemsjukvården\n", "name: Hemvården\n", "name", "Hemvården"),
        ("manager: eva.ek", "manager: per.nord", "manager", "per.nord@motala.se"),
        ('"13:00"]', '"14:00"]', "read_at", "08:00, 14:00"),
        ('"13:00"]', '"13:00"]\n    read_on: [wed, mon]', "read_on", "mon, wed"),
        ('"13:00"]', '"13:00"]\n    read_on: every-day', "read_on", "every-day"),
        ('"13:00"]', '"13:00"]\n    on_duty: [x@motala.se]', "on_duty", "x@motala.se"),
    ],
)
def test_what_else_is_said_of_a_mailbox(change: Any, old: str, new: str, what: str, words: str) -> None:
    difference = change((old, new))
    assert filled(difference) == {"mailboxes"}
    value = the_only(the_only(difference.mailboxes.changed).values)
    assert (value.what, value.new) == (what, words)


def test_what_else_is_said_of_a_channel(change: Any) -> None:
    difference = change(("name: brinken\n", "name: brinken-2\n"), ('    decision: "19/SN 0266"\n', ""))
    assert difference.channels.renamed == (("brinken", "brinken-2"),)
    value = the_only(the_only(difference.channels.changed).values)
    assert (value.what, value.old, value.new) == ("decision", "19/SN 0266", None)


# --- nothing is passed over -----------------------------------------------------------------------

ANOTHER: dict[type, dict[str, Any]] = {
    Mailbox: {"name": "N", "phone": "1", "manager": "m@x.se", "read_at": (), "on_duty": ("d@x.se",)},
    Authorisation: {"name": "N", "requested_by": "r@x.se", "executed_by": "e@x.se", "key": "F" * 40},
    Channel: {"owner": "o@x.se", "decision": "D", "name": "another"},
    PinnedKey: {"fingerprint": "F" * 40, "accept_until": date(2030, 1, 1)},
}
# Shown by other tests above.
SHOWN_ABOVE = {
    Mailbox: {"address", "users", "keys", "read_on"},
    Authorisation: {"user", "valid_from", "valid_until"},
    Channel: {"pairs", "valid_from", "valid_until", "rules"},
    PinnedKey: set(),
}


def changed_one(policy: Policy, kind: type, name: str, value: Any) -> Policy:
    """The policy with one value of its first mailbox, authorisation, key or channel replaced."""
    change = {name: value}
    if kind is Channel:
        channels = (replace(policy.channels[0], **change), *policy.channels[1:])
        pairs = {pair: (channel,) for channel in channels for pair in channel.pairs}
        return replace(policy, channels=channels, pairs=pairs, canonical=b"")
    mailbox = policy.mailboxes[OTHER if kind is PinnedKey else HOME]
    if kind is Authorisation:
        users = {user: (replace(each[0], **change),) for user, each in mailbox.users.items()}
        mailbox = replace(mailbox, users=users)
    elif kind is PinnedKey:
        mailbox = replace(mailbox, keys=(replace(mailbox.keys[0], **change), *mailbox.keys[1:]))
    else:
        mailbox = replace(mailbox, **change)
    return replace(policy, mailboxes={**policy.mailboxes, mailbox.address: mailbox}, canonical=b"")


@pytest.mark.parametrize("kind", ANOTHER)
def test_every_field_of_the_model_is_compared(world: Any, kind: type) -> None:
    """A key that is added to the policy is in the diff, or in this table, before this test passes again."""
    told = {field.name for field in fields(kind)} - {"position", "validity_position"}
    assert told == ANOTHER[kind].keys() | SHOWN_ABOVE[kind]
    old = world.small()
    for name, value in ANOTHER[kind].items():
        assert compare(old, changed_one(old, kind, name, value)), name


def test_every_rule_is_compared_and_known_by_its_key() -> None:
    """A rule that nobody described would be shown by its name in the code."""
    for kind, rules in ((Rules, Rules()), (AttachmentRules, LIMITS)):
        for field in fields(kind):
            if field.name == "positions":
                continue
            value = getattr(rules, field.name)
            anew = not value if isinstance(value, bool) else ("another",) if not isinstance(value, int) else 7
            if field.name == "attachments":
                anew = LIMITS
            other = replace(rules, **{field.name: anew})
            before, after = (
                (rules, other) if kind is Rules else (Rules(attachments=rules), Rules(attachments=other))
            )
            one = the_only(differing_rules(before, after, channel=False))
            assert "_refused" not in one.key
            assert "_required" not in one.key
            if field.name != "authorisation_max_days":
                assert signature(before) != signature(after)
