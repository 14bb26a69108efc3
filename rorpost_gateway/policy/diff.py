"""Two policies compared by what they mean, and not by how they are written. Pure.

Pairs, rules and authorisations are compared day by day: a channel that is renamed, split, or written in
another file changes nothing, and one that takes over another's pairs under looser rules is found out.
"""

from collections.abc import Iterator

from rorpost_gateway.policy.diff_keys import compare_key_order, compare_keys
from rorpost_gateway.policy.diff_people import compare_authorisations, compare_listing
from rorpost_gateway.policy.diff_rules import RuleChanges
from rorpost_gateway.policy.diff_things import compare_channels, compare_mailboxes
from rorpost_gateway.policy.difference import Difference, PairChange
from rorpost_gateway.policy.model import Channel, Pair, Policy
from rorpost_gateway.policy.periods import Days, as_periods, common, days, joined, without
from rorpost_gateway.policy.rule_changes import UnusualRules


def compare(old: Policy, new: Policy, *, own_domains: frozenset[str] | None = None) -> Difference:
    """What `new` means that `old` did not, and the other way round.

    `own_domains`: whose mailboxes are this side's (lower case); left out, each may be a partner's.
    """
    if old.canonical == new.canonical and old.canonical:
        return Difference(old_revision=old.revision, new_revision=new.revision)
    believed, listed = compare_listing(old, new, own_domains)
    rules = RuleChanges(old, new)
    unusual_before, unusual = UnusualRules(old.rules), UnusualRules(new.rules)
    allowed: list[PairChange] = []
    refused: list[PairChange] = []
    for pair, after in new.pairs.items():
        before = old.pairs.get(pair, ())
        if not _is_on_the_same_days(before, after):
            allowed += _only_in_the_first(pair, after, before, unusual)
            refused += _only_in_the_first(pair, before, after, unusual_before)
        rules.compare(pair, before, after)
    for pair, before in old.pairs.items():
        if pair not in new.pairs:
            refused += _only_in_the_first(pair, before, (), unusual_before)
    return Difference(
        old_revision=old.revision,
        new_revision=new.revision,
        allowed=tuple(sorted(allowed, key=_by_pair)),
        refused=tuple(sorted(refused, key=_by_pair)),
        rules=rules.found(),
        authorisations=compare_authorisations(old, new),
        believed=believed,
        listed=listed,
        keys=compare_keys(old, new),
        key_order=compare_key_order(old, new),
        mailboxes=compare_mailboxes(old, new),
        channels=compare_channels(old, new),
    )


def _by_pair(change: PairChange) -> tuple[str, str, str]:
    return change.sender, change.recipient, change.channel


def _days(channel: Channel) -> Days:
    return days(channel.valid_from, channel.valid_until)


def _is_on_the_same_days(before: tuple[Channel, ...], after: tuple[Channel, ...]) -> bool:
    """Whether nothing has to be taken apart, as for nearly every pair."""
    if len(before) != 1 or len(after) != 1:
        return False
    old, new = before[0], after[0]
    return old.valid_from == new.valid_from and old.valid_until == new.valid_until


def _only_in_the_first(
    pair: Pair, these: tuple[Channel, ...], others: tuple[Channel, ...], unusual: UnusualRules
) -> Iterator[PairChange]:
    """The days on which the pair may write by one of these channels, and by none of the others."""
    taken = joined(_days(channel) for channel in others)
    for channel in these:
        gained = without(_days(channel), taken)
        if gained:
            yield PairChange(
                sender=pair[0],
                recipient=pair[1],
                periods=as_periods(gained),
                channel=channel.name,
                elsewhere=any(common(_days(one), taken) for one in these),
                rules=unusual.of(channel.rules),
            )
