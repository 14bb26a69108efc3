"""The diff against a slow, obvious one: day by day, pair by pair, who may and under which rules."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.decision import Position
from rorpost_gateway.policy.diff import compare
from rorpost_gateway.policy.difference import Difference
from rorpost_gateway.policy.model import Authorisation, Channel, Mailbox, Pair, Policy, Rules
from rorpost_gateway.policy.periods import Period

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(8)]
HERE = Position(file="p.yaml", line=1, column=1)
ADDRESSES = [f"rorpost.{unit}@motala.se" for unit in "abc"]
PAIRS: list[Pair] = [(a, b) for a in ADDRESSES for b in ADDRESSES if a != b]
PEOPLE = ["anna@motala.se", "bo@motala.se"]
RULES = [Rules(), Rules(urgent_refused=False), Rules(legal_basis=("a",)), Rules(urgent_refused=False)]

limits = st.one_of(st.none(), st.sampled_from(DAYS))


@st.composite
def channels(draw: Any) -> tuple[Channel, ...]:
    """At one moment a pair stands in at most one: whatever would clash is left out."""
    made: list[Channel] = []
    for number in range(draw(st.integers(0, 5))):
        channel = Channel(
            name=f"c{number}",
            pairs=tuple(draw(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=3, unique=True))),
            owner=None,
            decision=None,
            valid_from=draw(limits),
            valid_until=draw(limits),
            rules=draw(st.sampled_from(RULES)),
            position=HERE,
            validity_position=HERE,
        )
        clash = any(channel.overlaps(other) and set(channel.pairs) & set(other.pairs) for other in made)
        if not clash and (channel.valid_from or date.min) <= (channel.valid_until or date.max):
            made.append(channel)
    return tuple(made)


@st.composite
def mailboxes(draw: Any) -> dict[str, Mailbox]:
    """Some of the addresses, each with people for some days."""
    return {
        address: Mailbox(
            address=address, name=address, phone=None, manager=None, read_at=(), keys=(), position=HERE,
            users={user: draw(periods(user)) for user in draw(st.sets(st.sampled_from(PEOPLE)))},
        )
        for address in ADDRESSES
    }  # fmt: skip


@st.composite
def periods(draw: Any, user: str) -> tuple[Authorisation, ...]:
    cuts = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=4, unique=True)))
    return tuple(
        Authorisation(
            user=user, name=None, requested_by=draw(st.sampled_from(["e@x.se", "f@x.se"])), position=HERE,
            executed_by="it@x.se", valid_from=first, valid_until=last,
        )
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    )  # fmt: skip


@st.composite
def policies(draw: Any) -> Policy:
    made = draw(channels())
    pairs: dict[Pair, tuple[Channel, ...]] = {}
    for channel in made:
        for pair in channel.pairs:
            pairs[pair] = (*pairs.get(pair, ()), channel)
    return Policy(
        revision="", canonical=b"", timezone=None, mailboxes=draw(mailboxes()), channels=made, rules=Rules(),
        pairs=pairs, known=frozenset(), user_domains={},
    )  # type: ignore[arg-type] # fmt: skip


def deciding(policy: Policy, pair: Pair, day: date) -> Channel | None:
    return next((one for one in policy.channels if pair in one.pairs and one.in_force(day)), None)


def holds(periods: Iterable[Period], day: date) -> bool:
    return any((one.first or date.min) <= day <= (one.last or date.max) for one in periods)


def authorised(policy: Policy, address: str, user: str, day: date) -> list[tuple[str, str]]:
    listed = policy.mailboxes[address].users.get(user, ())
    return [(one.requested_by, one.executed_by) for one in listed if one.in_force(day)]


@settings(max_examples=60, deadline=None)
@given(policies(), policies())
def test_what_is_told_is_what_differs(old: Policy, new: Policy) -> None:
    found = compare(old, new)
    for day in (*DAYS, FIRST - timedelta(days=99), FIRST + timedelta(days=99)):
        for pair in PAIRS:
            before, after = deciding(old, pair, day), deciding(new, pair, day)
            assert bool(after and not before) == told(found.allowed, pair, day)
            assert bool(before and not after) == told(found.refused, pair, day)
            if before and after and before.rules != after.rules:
                assert rules_told(found, after, pair)
        for address in ADDRESSES:
            for user in PEOPLE:
                people_are_told(found, old, new, (address, user), day)


def told(changes: Iterable[Any], pair: Pair, day: date) -> bool:
    return any((one.sender, one.recipient) == pair and holds(one.periods, day) for one in changes)


def rules_told(found: Difference, channel: Channel, pair: Pair) -> bool:
    return any(
        scope.channel == channel.name and (not scope.pairs or pair in scope.pairs)
        for change in found.rules
        for scope in change.scopes
    )


def people_are_told(found: Difference, old: Policy, new: Policy, who: tuple[str, str], day: date) -> None:
    before, after = authorised(old, *who, day), authorised(new, *who, day)
    changes = [one for one in found.authorisations if (one.mailbox, one.user) == who]
    assert len(changes) <= 1
    assert any(holds(one.gained, day) for one in changes) == bool(after and not before)
    assert any(holds(one.lost, day) for one in changes) == bool(before and not after)
    if before and after and before != after:
        assert changes


@settings(max_examples=20, deadline=None)
@given(policies(), st.randoms(use_true_random=False))
def test_order_and_names_of_channels_mean_nothing(policy: Policy, random: Any) -> None:
    names = {channel.name: f"renamed-{channel.name}" for channel in policy.channels}
    renamed = [replace(channel, name=names[channel.name]) for channel in policy.channels]
    random.shuffle(renamed)
    pairs: dict[Pair, tuple[Channel, ...]] = {}
    for channel in renamed:
        for pair in channel.pairs:
            pairs[pair] = (*pairs.get(pair, ()), channel)
    found = compare(policy, replace(policy, channels=tuple(renamed), pairs=pairs))
    assert found.allowed == found.refused == found.rules == found.authorisations == ()
    assert dict(found.channels.renamed) == names
    assert found.channels.gained == found.channels.lost == ()
