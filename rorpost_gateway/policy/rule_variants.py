"""Every rule of a policy, and the policy as it would be if that one rule were another. Pure.

Coverage asks with them: a rule that could be turned over without any case noticing is not tested.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rorpost_gateway.decision import Position
from rorpost_gateway.policy.attachment_rules import KEYS, AttachmentRules
from rorpost_gateway.policy.model import Channel, Pair, Policy, Rules

Change = Callable[[Rules], Rules]

SWITCHES: Mapping[str, str] = {
    "declared_user.inbound": "inbound_user_required",
    "recipients_in_header": "recipients_in_header",
    "identity_number_in_subject": "identity_number_refused",
    "identity_number_in_attachment_names": "identity_number_in_names_refused",
    "urgent": "urgent_refused",
    "outside_quotes": "outside_quotes_refused",
    "unprotected_headers": "unprotected_headers_refused",
}
"""Rules that are one way or the other: key → name in `Rules`."""

_ANOTHER_FIELD = "X-Nobody-Writes-This"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One rule. `channel` is the channel that says it for itself; None where the whole policy does."""

    key: str
    name: str
    channel: str | None
    position: Position | None
    change: Change

    def of(self, policy: Policy) -> Policy:
        """The policy with this rule changed, for every channel that it is the rule of."""
        rules = policy.rules if self.channel else self.change(policy.rules)
        return replace(policy, rules=rules, pairs=_Changed(policy, self))

    def holds_for(self, channel: Channel, policy: Policy) -> bool:
        """Whether it is this line that the channel goes by."""
        if self.channel is not None:
            return channel.name == self.channel
        return _is_inherited(channel, policy, self.key)


class _Changed(Mapping[Pair, tuple[Channel, ...]]):
    """The channels of each pair with the rule changed, made when they are asked for."""

    def __init__(self, policy: Policy, variant: Variant) -> None:
        self._policy = policy
        self._variant = variant

    def __getitem__(self, pair: Pair) -> tuple[Channel, ...]:
        return tuple(map(self._changed, self._policy.pairs[pair]))

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._policy.pairs)

    def __len__(self) -> int:
        return len(self._policy.pairs)

    def _changed(self, channel: Channel) -> Channel:
        if not self._variant.holds_for(channel, self._policy):
            return channel
        return replace(channel, rules=self._variant.change(channel.rules))


def variants(policy: Policy) -> Iterator[Variant]:
    """The policy's own rules, as far as a channel goes by them; then what channels say for themselves."""
    for key, value, change in _changes(policy.rules):
        if any(_is_inherited(channel, policy, key) for channel in policy.channels):
            yield Variant(
                key=key,
                name=f"{key}: {value}",
                channel=None,
                position=_position(policy.rules, key),
                change=change,
            )
    for channel in policy.channels:
        if channel.rules.positions == policy.rules.positions:
            continue
        for key, value, change in _changes(channel.rules):
            if not _is_inherited(channel, policy, key):
                yield Variant(
                    key=key,
                    name=f"{channel.name}: {key}: {value}",
                    channel=channel.name,
                    position=_position(channel.rules, key),
                    change=change,
                )


def _is_inherited(channel: Channel, policy: Policy, key: str) -> bool:
    if key.startswith("attachments.") and bool(channel.rules.attachments) != bool(policy.rules.attachments):
        return False
    return channel.rules.positions.get(key) == policy.rules.positions.get(key)


def _position(rules: Rules, key: str) -> Position | None:
    """Where the rule stands; where only the mapping around it does, that."""
    return rules.positions.get(key) or rules.positions.get(key.partition(".")[0])


def _changes(rules: Rules) -> Iterator[tuple[str, str, Change]]:
    """Each rule: its key, what it says, and how to turn it over."""
    for source in rules.sources:
        yield "declared_user.sources", source.value, _without_source(source)
    yield "declared_user.header", rules.header, lambda rules: replace(rules, header=_ANOTHER_FIELD)
    for key, name in SWITCHES.items():
        yield key, _word(key, strict=getattr(rules, name)), _turned(name)
    if rules.legal_basis is None:
        yield "legal_basis", "off", lambda rules: replace(rules, legal_basis=())
    else:
        yield "legal_basis", "required", lambda rules: replace(rules, legal_basis=None)
        for value in rules.legal_basis:
            yield "legal_basis", value, _without_basis(value)
    yield from _attachment_changes(rules.attachments)


def _attachment_changes(rules: AttachmentRules | None) -> Iterator[tuple[str, str, Change]]:
    if rules is None:
        nothing = AttachmentRules(allow_types=())
        yield "attachments", "allow", lambda rules: replace(rules, attachments=nothing)
        return
    for key in KEYS:
        if rules.without(key) != rules:
            yield f"attachments.{key}", _shown(rules, key), _without_attachment_rule(key)


def _shown(rules: AttachmentRules, key: str) -> str:
    if key == "uninspectable":
        return "reject" if rules.uninspectable_refused else "allow"
    value = getattr(rules, key)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _without_attachment_rule(key: str) -> Change:
    def change(rules: Rules) -> Rules:
        if rules.attachments is None:
            return rules
        return replace(rules, attachments=rules.attachments.without(key))

    return change


def _word(key: str, *, strict: bool) -> str:
    if key == "declared_user.inbound":
        return "require" if strict else "optional"
    return ("require" if key == "recipients_in_header" else "reject") if strict else "allow"


def _turned(name: str) -> Change:
    def change(rules: Rules) -> Rules:
        turned: dict[str, Any] = {name: not getattr(rules, name)}
        return replace(rules, **turned)

    return change


def _without_source(source: str) -> Change:
    return lambda rules: replace(rules, sources=tuple(each for each in rules.sources if each != source))


def _without_basis(value: str) -> Change:
    def change(rules: Rules) -> Rules:
        return replace(rules, legal_basis=tuple(each for each in rules.legal_basis or () if each != value))

    return change
