"""Which rules decide otherwise, for pairs that may write both before and after. Pure.

Channels that say nothing for themselves share their rules, so that most pairs are compared by looking
at two numbers.
"""

from collections.abc import Sequence

from rorpost_gateway.policy.difference import RuleChange, RuleScope
from rorpost_gateway.policy.model import Channel, Pair, Policy, Rules
from rorpost_gateway.policy.rule_changes import Differing, differing_rules, signature

Scopes = dict[str, dict[Pair, None]]


class RuleChanges:
    """Collects what differs, pair by pair; every rule and its effect is worked out once."""

    def __init__(self, old: Policy, new: Policy) -> None:
        self._old = old
        self._new = new
        self._numbers: dict[int, int] = {}  # of a Rules object, of which both policies keep theirs alive
        self._alike: dict[tuple[object, ...], int] = {}
        self._differing: dict[tuple[int, int], tuple[Differing, ...]] = {}
        self._scopes: dict[Differing, Scopes] = {}

    def compare(self, pair: Pair, before: Sequence[Channel], after: Sequence[Channel]) -> None:
        """Take in one pair, and the channels that allow it before and after the change."""
        for new in after:
            for old in before:
                if old.rules is new.rules or self._number(old.rules) == self._number(new.rules):
                    continue
                if old.overlaps(new):
                    for differing in self._between(old.rules, new.rules):
                        self._scopes.setdefault(differing, {}).setdefault(new.name, {})[pair] = None

    def found(self) -> tuple[RuleChange, ...]:
        """By key; the policy's own rules among them, also where every channel says it for itself."""
        own = set(differing_rules(self._old.rules, self._new.rules, channel=False))
        pairs = {channel.name: channel.pairs for channel in self._new.channels}
        every = sorted(own | self._scopes.keys(), key=lambda one: (one.key, one.old, one.new))
        return tuple(self._change(one, pairs, default=one in own) for one in every)

    def _change(
        self, differing: Differing, pairs: dict[str, tuple[Pair, ...]], *, default: bool
    ) -> RuleChange:
        scopes = self._scopes.get(differing, {})
        whole = {name for name, concerned in scopes.items() if len(concerned) == len(pairs[name])}
        return RuleChange(
            key=differing.key,
            old=differing.old,
            new=differing.new,
            effect=differing.effect,
            scopes=tuple(
                RuleScope(channel=name, pairs=() if name in whole else tuple(sorted(scopes[name])))
                for name in sorted(scopes)
            ),
            every_channel=len(whole) == len(pairs) > 0,
            default=default,
        )

    def _between(self, old: Rules, new: Rules) -> tuple[Differing, ...]:
        numbers = self._number(old), self._number(new)
        known = self._differing.get(numbers)
        if known is None:
            known = self._differing[numbers] = differing_rules(old, new)
        return known

    def _number(self, rules: Rules) -> int:
        number = self._numbers.get(id(rules))
        if number is None:
            number = self._alike.setdefault(signature(rules), len(self._alike))
            self._numbers[id(rules)] = number
        return number
