"""A difference between two policies as text for a change request: Markdown, in a fixed order. Pure.

What lets more through than before is marked with ⚠. What came out of a policy file is escaped, so that
no name can pretend to be a line of this text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rorpost_gateway.cli.markdown import code, escaped
from rorpost_gateway.policy.difference import (
    AuthorisationChange,
    Difference,
    KeyChange,
    PairChange,
    RuleChange,
    Span,
    Things,
    ValueChange,
)
from rorpost_gateway.policy.model import Pair, Policy
from rorpost_gateway.policy.periods import Period
from rorpost_gateway.policy.rule_changes import ONLY_THE_POLICY

MARK = "⚠"
_NAMED = 5  # of a list of names within a line; the rest is counted

_SPANS = {
    Span.APPEARS: "may use it",
    Span.ENDS: "may no longer use it",
    Span.LONGER: "may use it longer",
    Span.SHORTER: "may use it for a shorter time",
    Span.MOVED: "may use it on other days",
    Span.RESTATED: "is listed otherwise",
}


@dataclass(frozen=True, kw_only=True)
class _View:
    """What a line may need to know beside the change itself."""

    old: Policy
    new: Policy
    today: date

    def mailbox(self, address: str) -> str:
        """Its address, and the name it has after the change."""
        found = self.new.mailbox(address) or self.old.mailbox(address)
        named = found is not None and found.name != address
        return f"{code(address)} ({escaped(found.name)})" if found and named else code(address)


def change_text(
    difference: Difference, *, names: tuple[str, str], old: Policy, new: Policy, today: date
) -> str:
    """`names`: what the two are called; `today`: what ended before it is shown as over."""
    view = _View(old=old, new=new, today=today)
    lines = ["# What this change of policy means", ""]
    for title, name, revision in (
        ("from", names[0], difference.old_revision),
        ("to", names[1], difference.new_revision),
    ):
        lines.append(f"- {title} {code(name)}: revision {code(revision)}")
    lines += ["", *_summary(difference)]
    sections = (
        ("Who may newly write to whom", _pairs(difference.allowed, view, mark=MARK)),
        ("Who may no longer write to whom", _pairs(difference.refused, view, mark="")),
        ("Rules", _rules(difference.rules, view)),
        ("Who may use a mailbox", _people(difference, view)),
        ("Keys", _keys(difference, view)),
        ("Mailboxes", _things(difference.mailboxes)),
        ("Channels", _things(difference.channels)),
    )
    for title, section in sections:
        body = list(section)
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def _summary(difference: Difference) -> Iterator[str]:
    if not difference:
        same = difference.old_revision == difference.new_revision
        yield "Nothing differs." if same else "Only how it is written differs; it means the same."
        return
    looser, stricter = difference.looser, difference.stricter
    yield f"**{looser} looser** ({MARK}), **{stricter} stricter**."


def _pairs(changes: Sequence[PairChange], view: _View, *, mark: str) -> Iterator[str]:
    """A line for each channel's pairs that gain or lose the same days; both directions are one."""
    together: dict[tuple[object, ...], list[PairChange]] = {}
    for change in changes:
        alike = (change.channel, change.periods, change.elsewhere, change.rules)
        together.setdefault(alike, []).append(change)
    for group in together.values():
        first = group[0]
        also = (
            (" (as on other days already)" if mark else " (on other days still)") if first.elsewhere else ""
        )
        for who in _folded([(one.sender, one.recipient) for one in group], view):
            yield _item(mark, f"{who}: {_periods(first.periods, view)}{also}, channel {code(first.channel)}")
        if mark:
            yield from _unusual_rules(first)


def _unusual_rules(change: PairChange) -> Iterator[str]:
    for rule in change.rules:
        mark = MARK if rule.effect.opens else ""
        yield _item(mark, f"under {code(f'{rule.key}: {rule.value}')}", depth=1)


def _folded(pairs: Sequence[Pair], view: _View) -> Iterator[str]:
    """Who to whom; both directions are one."""
    left = set(pairs)
    for sender, recipient in pairs:
        if (sender, recipient) in left:
            arrow = "↔" if (recipient, sender) in left else "→"
            left -= {(sender, recipient), (recipient, sender)}
            yield f"{view.mailbox(sender)} {arrow} {view.mailbox(recipient)}"


def _rules(changes: Iterable[RuleChange], view: _View) -> Iterator[str]:
    for change in changes:
        mark = MARK if change.effect.opens else ""
        what = f"**{change.effect}** {code(change.key)}: {code(change.old)} → {code(change.new)}"
        yield _item(mark, what + _where(change))
        for scope in change.scopes:
            for who in _folded(scope.pairs, view):
                yield _item("", f"in {code(scope.channel)} for {who}", depth=1)


def _where(change: RuleChange) -> str:
    own = ", the policy's own" if change.default else ""
    if change.every_channel:
        return f"{own}, in every channel"
    whole = [scope.channel for scope in change.scopes if not scope.pairs]
    if not change.scopes:
        return own if change.key in ONLY_THE_POLICY else f"{own}; no channel goes by it now"
    return f"{own}, in {_names(whole)}" if whole else f"{own}, for these pairs:"


def _people(difference: Difference, view: _View) -> Iterator[str]:
    mailbox = None
    for change in difference.authorisations:
        if change.mailbox != mailbox:
            mailbox = change.mailbox
            yield _item("", view.mailbox(mailbox))
        yield _item(MARK if change.gained else "", _person(change, view), depth=1)
    for address in difference.believed:
        told = f"{view.mailbox(address)} lists nobody any more: whoever the partner names is taken"
        yield _item(MARK, told)
    for address in difference.listed:
        yield _item("", f"{view.mailbox(address)} lists people now: nobody else is taken")


def _person(change: AuthorisationChange, view: _View) -> str:
    who = f"{escaped(change.name)} {code(change.user)}" if change.name else code(change.user)
    parts = []
    if change.gained:
        how = "" if change.span is Span.APPEARS else "also "
        parts.append(how + _periods(change.gained, view))
    if change.lost:
        how = "" if change.span is Span.ENDS else "not "
        parts.append(how + _periods(change.lost, view))
    if change.gained:
        parts.append(f"requested by {code(change.requested_by)}, carried out by {code(change.executed_by)}")
    if change.reaches:
        parts.append(f"may so write to {_names(change.reaches)}")
    parts += map(_value, change.values)
    return f"{who} {_SPANS[change.span]}: " + "; ".join(parts)


def _keys(difference: Difference, view: _View) -> Iterator[str]:
    for change in difference.keys:
        mark = MARK if change.effect.opens else ""
        yield _item(mark, f"{view.mailbox(change.mailbox)}: {code(change.fingerprint)} {_key(change)}")
    for address in difference.key_order:
        yield _item("", f"{view.mailbox(address)}: another key is preferred than before")


def _key(change: KeyChange) -> str:
    until = f", until {change.new_until}" if change.new_until else ""
    if change.gained:
        return f"is accepted{until}"
    if change.lost:
        return "is no longer accepted"
    old, new = change.old_until or "without end", change.new_until or "without end"
    return f"is accepted until {new} (before: {old})"


def _things(things: Things) -> Iterator[str]:
    yield from (_item("", f"new: {code(name)}") for name in things.gained)
    yield from (_item("", f"gone: {code(name)}") for name in things.lost)
    yield from (_item("", f"renamed: {code(old)} → {code(new)}") for old, new in things.renamed)
    for change in things.changed:
        yield _item("", f"{code(change.name)}: " + "; ".join(map(_value, change.values)))


def _value(change: ValueChange) -> str:
    old, new = (code(value) if value is not None else "nothing" for value in (change.old, change.new))
    return f"{change.what}: {old} → {new}"


def _periods(periods: Iterable[Period], view: _View) -> str:
    return ", ".join(_period(period, view.today) for period in periods)


def _period(period: Period, today: date) -> str:
    over = " (over)" if period.over_before(today) else ""
    if period.first is None and period.last is None:
        return "without limit"
    if period.first is None:
        return f"until {period.last}{over}"
    return f"from {period.first}" if period.last is None else f"{period.first} to {period.last}{over}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(code, names[:_NAMED])) + more


def _item(mark: str, text: str, *, depth: int = 0) -> str:
    return f"{'  ' * depth}- {mark + ' ' if mark else ''}{text}"
