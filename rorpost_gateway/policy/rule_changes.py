"""Two sets of rules side by side: which rule differs, in the words of a policy file, and to what effect.

Pure. Every field of `Rules` is compared: one that nobody has described here shows as `changed`, so that a
rule that is added later is never passed over in silence.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from rorpost_gateway.policy.attachment_rules import AttachmentRules
from rorpost_gateway.policy.difference import Effect, RuleValue
from rorpost_gateway.policy.model import Rules

ONLY_THE_POLICY = frozenset({"authorisation_max_days"})  # no channel says it for itself
_NOT_RULES = frozenset({"positions"})

Weigh = Callable[[Any, Any], Effect]
_Compared = Rules | AttachmentRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Differing:
    """One rule: its key, both values in words, and what the second does that the first does not."""

    key: str
    old: str
    new: str
    effect: Effect


def differing_rules(old: Rules, new: Rules, *, channel: bool = True) -> tuple[Differing, ...]:
    """What differs, in the order of the rules; for a channel, without what only the policy says."""
    left_out = _NOT_RULES | (ONLY_THE_POLICY if channel else frozenset())
    return tuple(_differing("", _RULES, old, new, left_out))


class UnusualRules:
    """By which rules channels differ from the policy's own.

    Most channels share theirs, so that each is worked out once. They must stay alive as long as this does.
    """

    def __init__(self, own: Rules) -> None:
        self._own = own
        self._known: dict[int, tuple[RuleValue, ...]] = {}

    def of(self, rules: Rules) -> tuple[RuleValue, ...]:
        known = self._known.get(id(rules))
        if known is None:
            known = self._known[id(rules)] = tuple(
                RuleValue(key=one.key, value=one.new, effect=one.effect)
                for one in differing_rules(self._own, rules)
            )
        return known


def signature(rules: Rules) -> tuple[Any, ...]:
    """Equal where two sets of rules decide alike for a channel; hashable."""
    return tuple(getattr(rules, name) for name in _SIGNIFICANT)


def _more_is_looser(old: float | None, new: float | None) -> Effect:
    if new is None or (old is not None and old < new):
        return Effect.LOOSER
    return Effect.STRICTER


def _required_is_stricter(old: object, new: object) -> Effect:
    return Effect.LOOSER if old and not new else Effect.STRICTER


def _by_members(old: Collection[str], new: Collection[str], *, more: Effect) -> Effect:
    """`more`: what a member does that joins."""
    gained, lost = set(new) - set(old), set(old) - set(new)
    if gained and lost:
        return Effect.BOTH
    if not gained and not lost:
        return Effect.OTHER
    fewer = Effect.STRICTER if more is Effect.LOOSER else Effect.LOOSER
    return more if gained else fewer


def _allowed_members(old: Collection[str] | None, new: Collection[str] | None) -> Effect:
    """None: whatever is stated or sent."""
    if old is None or new is None:
        return Effect.LOOSER if new is None else Effect.STRICTER
    return _by_members(old, new, more=Effect.LOOSER)


def _denied_members(old: Collection[str], new: Collection[str]) -> Effect:
    return _by_members(old, new, more=Effect.STRICTER)


def _listed(values: Collection[object] | None, *, none: str) -> str:
    return none if values is None else f"[{', '.join(str(value) for value in values)}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """How a field of `Rules` is written in a policy, and which way it is looser."""

    key: str
    words: Callable[[Any], str]
    weigh: Weigh


def _switch(key: str, *, strict: str, loose: str) -> _Told:
    return _Told(key=key, words=lambda value: strict if value else loose, weigh=_required_is_stricter)


def _octets(key: str) -> _Told:
    return _Told(
        key=key, words=lambda value: "no limit" if value is None else str(value), weigh=_more_is_looser
    )


def _attachments_in_words(rules: AttachmentRules | None) -> str:
    if rules is None:
        return "allow"
    said = _differing("", _ATTACHMENTS, AttachmentRules(), rules, frozenset())
    return "{" + ", ".join(f"{one.key}: {one.new}" for one in said) + "}"


_RULES: Mapping[str, _Told] = {
    "sources": _Told(
        key="declared_user.sources",
        words=lambda value: _listed(value, none=""),
        weigh=lambda old, new: _by_members(old, new, more=Effect.LOOSER),
    ),
    "header": _Told(key="declared_user.header", words=str, weigh=lambda *_: Effect.OTHER),
    "inbound_user_required": _switch("declared_user.inbound", strict="require", loose="optional"),
    "recipients_in_header": _switch("recipients_in_header", strict="require", loose="allow"),
    "identity_number_refused": _switch("identity_number_in_subject", strict="reject", loose="allow"),
    "identity_number_in_names_refused": _switch(
        "identity_number_in_attachment_names", strict="reject", loose="allow"
    ),
    "outside_quotes_refused": _switch("outside_quotes", strict="reject", loose="allow"),
    "attachments": _Told(key="attachments", words=_attachments_in_words, weigh=_allowed_members),
    "urgent_refused": _switch("urgent", strict="reject", loose="allow"),
    "unprotected_headers_refused": _switch("unprotected_headers", strict="reject", loose="allow"),
    "legal_basis": _Told(
        key="legal_basis", words=lambda value: _listed(value, none="off"), weigh=_allowed_members
    ),
    "authorisation_max_days": _Told(key="authorisation_max_days", words=str, weigh=_more_is_looser),
}
_ATTACHMENTS: Mapping[str, _Told] = {
    "max_bytes": _octets("max_bytes"),
    "max_total_bytes": _octets("max_total_bytes"),
    "deny_types": _Told(
        key="deny_types", words=lambda value: _listed(value, none="[]"), weigh=_denied_members
    ),
    "allow_types": _Told(
        key="allow_types", words=lambda value: _listed(value, none="any"), weigh=_allowed_members
    ),
    "deny_extensions": _Told(
        key="deny_extensions", words=lambda value: _listed(value, none="[]"), weigh=_denied_members
    ),
    "uninspectable_refused": _switch("uninspectable", strict="reject", loose="allow"),
}
_SIGNIFICANT = tuple(field.name for field in fields(Rules) if field.name not in _NOT_RULES | ONLY_THE_POLICY)


def _differing(
    path: str,
    table: Mapping[str, _Told],
    old: _Compared,
    new: _Compared,
    left_out: Collection[str],
) -> Iterator[Differing]:
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name in left_out or before == after:
            continue
        if isinstance(before, AttachmentRules) and isinstance(after, AttachmentRules):
            yield from _differing(f"{path}{field.name}.", _ATTACHMENTS, before, after, frozenset())
            continue
        told = table.get(field.name)
        if told is None:
            told = _Told(key=field.name, words=str, weigh=lambda *_: Effect.OTHER)
        yield Differing(
            key=path + told.key,
            old=told.words(before),
            new=told.words(after),
            effect=told.weigh(before, after),
        )
