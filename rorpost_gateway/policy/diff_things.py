"""Mailboxes and channels as such: which there are, and what is said of them. Pure.

Who may write to whom, when and under which rules is compared elsewhere; here are the names, and every
other value. One that is added to the model later shows without being described here.
"""

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter

from rorpost_gateway.policy.difference import ThingChange, Things, ValueChange
from rorpost_gateway.policy.model import Channel, Mailbox, Policy
from rorpost_gateway.policy.words import in_words

_ELSEWHERE = {"users", "keys", "pairs", "valid_from", "valid_until", "rules"}
_PLACES = {"position", "validity_position"}


def _values_of(kind: type[Mailbox] | type[Channel]) -> tuple[str, ...]:
    told = (field.name for field in fields(kind))
    return tuple(name for name in told if name not in _ELSEWHERE | _PLACES)


_MAILBOX_VALUES = _values_of(Mailbox)
_CHANNEL_VALUES = _values_of(Channel)
_of_mailbox, _of_channel = attrgetter(*_MAILBOX_VALUES), attrgetter(*_CHANNEL_VALUES)


def compare_mailboxes(old: Policy, new: Policy) -> Things:
    """By address."""
    changed = []
    for address, after in sorted(new.mailboxes.items()):
        before = old.mailboxes.get(address)
        if before is None:
            continue
        values = _differing(_MAILBOX_VALUES, _of_mailbox(before), _of_mailbox(after))
        if values:
            changed.append(ThingChange(name=address, values=values))
    return Things(
        gained=tuple(sorted(new.mailboxes.keys() - old.mailboxes.keys())),
        lost=tuple(sorted(old.mailboxes.keys() - new.mailboxes.keys())),
        changed=tuple(changed),
    )


def compare_channels(old: Policy, new: Policy) -> Things:
    """By name. One that has another name and allows the same as before is renamed."""
    had = {channel.name: channel for channel in old.channels}
    has = {channel.name: channel for channel in new.channels}
    gained = [channel for channel in new.channels if channel.name not in had]
    lost = [channel for channel in old.channels if channel.name not in has]
    renamed = dict(_renamed(lost, gained))
    couples = [(had[name], has[name]) for name in had.keys() & has.keys()]
    couples += [(had[name], has[anew]) for name, anew in renamed.items()]
    changed = []
    for before, after in couples:
        values = _differing(_CHANNEL_VALUES, _of_channel(before), _of_channel(after))
        values = tuple(value for value in values if value.what != "name")
        if values:
            changed.append(ThingChange(name=after.name, values=values))
    return Things(
        gained=tuple(sorted({channel.name for channel in gained} - set(renamed.values()))),
        lost=tuple(sorted({channel.name for channel in lost} - renamed.keys())),
        renamed=tuple(sorted(renamed.items())),
        changed=tuple(sorted(changed, key=attrgetter("name"))),
    )


def _renamed(lost: Iterable[Channel], gained: Iterable[Channel]) -> Iterable[tuple[str, str]]:
    """Two channels never allow one pair on one day: whoever allows the same is the same."""
    by_content = {(frozenset(one.pairs), one.valid_from, one.valid_until): one.name for one in lost}
    for channel in gained:
        name = by_content.pop((frozenset(channel.pairs), channel.valid_from, channel.valid_until), None)
        if name is not None:
            yield name, channel.name


def _differing(
    names: tuple[str, ...], before: tuple[object, ...], after: tuple[object, ...]
) -> tuple[ValueChange, ...]:
    if before == after:
        return ()
    return tuple(
        ValueChange(what=name, old=in_words(old), new=in_words(new))
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    )
