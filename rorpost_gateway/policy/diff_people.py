"""Whose authorisation appears, ends or changes. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

from rorpost_gateway.address import domain_of
from rorpost_gateway.policy.difference import AuthorisationChange, Span, ValueChange
from rorpost_gateway.policy.model import Authorisation, Policy
from rorpost_gateway.policy.periods import Days, as_periods, common, days, joined, without
from rorpost_gateway.policy.words import in_words

_NO_VALUES = {"user", "valid_from", "valid_until", "position"}
_VALUES = tuple(field.name for field in fields(Authorisation) if field.name not in _NO_VALUES)
_everything = attrgetter("valid_from", "valid_until", *_VALUES)


def compare_authorisations(old: Policy, new: Policy) -> tuple[AuthorisationChange, ...]:
    """By mailbox, then by person."""
    reaches = _Reaches(new)
    return tuple(
        _change(address, user, had, has, reaches)
        for address, user, had, has in _listed(old, new)
        if [_everything(period) for period in had] != [_everything(period) for period in has]
        if _differs(had, has)
    )


def compare_listing(
    old: Policy, new: Policy, own_domains: frozenset[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Partners' mailboxes that list nobody any more, and those that begin to list people."""
    believed: list[str] = []
    listed: list[str] = []
    for address in sorted(old.mailboxes.keys() & new.mailboxes.keys()):
        before, after = bool(old.mailboxes[address].users), bool(new.mailboxes[address].users)
        if before != after and (own_domains is None or domain_of(address) not in own_domains):
            (listed if after else believed).append(address)
    return tuple(believed), tuple(listed)


Listed = tuple[str, str, Sequence[Authorisation], Sequence[Authorisation]]


def _listed(old: Policy, new: Policy) -> Iterator[Listed]:
    for address in sorted(old.mailboxes.keys() | new.mailboxes.keys()):
        had, has = (
            policy.mailboxes[address].users if address in policy.mailboxes else {} for policy in (old, new)
        )
        for user in sorted(had.keys() | has.keys()):
            yield address, user, had.get(user, ()), has.get(user, ())


class _Reaches:
    """To whom a mailbox may write, asked for the few of which somebody gains the use."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._recipients: Mapping[str, list[str]] | None = None

    def of(self, address: str) -> tuple[str, ...]:
        if self._recipients is None:
            recipients: dict[str, list[str]] = {}
            for sender, recipient in self._policy.pairs:
                recipients.setdefault(sender, []).append(recipient)
            self._recipients = recipients
        return tuple(sorted(self._recipients.get(address, ())))


def _days(periods: Sequence[Authorisation]) -> Days:
    return joined(days(period.valid_from, period.valid_until) for period in periods)


def _differs(had: Sequence[Authorisation], has: Sequence[Authorisation]) -> bool:
    return _days(had) != _days(has) or any(True for _ in _values(had, has))


def _change(
    address: str, user: str, had: Sequence[Authorisation], has: Sequence[Authorisation], reaches: _Reaches
) -> AuthorisationChange:
    before, after = _days(had), _days(has)
    gained, lost = without(after, before), without(before, after)
    last = max(has or had, key=lambda period: period.valid_until)
    return AuthorisationChange(
        mailbox=address,
        user=user,
        name=last.name,
        span=_span(before, after, gained, lost),
        gained=as_periods(gained),
        lost=as_periods(lost),
        requested_by=last.requested_by,
        executed_by=last.executed_by,
        reaches=reaches.of(address) if gained and not before else (),
        values=tuple(dict.fromkeys(_values(had, has))),
    )


def _span(before: Days, after: Days, gained: Days, lost: Days) -> Span:
    if not before:
        return Span.APPEARS
    if not after:
        return Span.ENDS
    if gained and lost:
        return Span.MOVED
    return Span.LONGER if gained else Span.SHORTER if lost else Span.RESTATED


def _values(had: Sequence[Authorisation], has: Sequence[Authorisation]) -> Iterator[ValueChange]:
    """What is said otherwise of days that are authorised before and after."""
    for new in has:
        for old in had:
            if not common(days(old.valid_from, old.valid_until), days(new.valid_from, new.valid_until)):
                continue
            for name in _VALUES:
                before, after = getattr(old, name), getattr(new, name)
                if before != after:
                    yield ValueChange(what=name, old=in_words(before), new=in_words(after))
