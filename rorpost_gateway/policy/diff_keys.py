"""Which keys a mailbox gains and loses, until when they are accepted, and which is preferred. Pure."""

from collections.abc import Iterator
from datetime import date

from rorpost_gateway.policy.difference import Effect, KeyChange
from rorpost_gateway.policy.model import Mailbox, PinnedKey, Policy


def compare_keys(old: Policy, new: Policy) -> tuple[KeyChange, ...]:
    """By mailbox, then by fingerprint; also those of mailboxes that appear or go."""
    return tuple(
        change
        for address in sorted(old.mailboxes.keys() | new.mailboxes.keys())
        for change in _of_mailbox(address, old.mailboxes.get(address), new.mailboxes.get(address))
    )


def compare_key_order(old: Policy, new: Policy) -> tuple[str, ...]:
    """Mailboxes of which the keys that stand before and after are preferred in another order."""
    return tuple(
        address
        for address in sorted(old.mailboxes.keys() & new.mailboxes.keys())
        if _ordered_otherwise(old.mailboxes[address].keys, new.mailboxes[address].keys)
    )


def _ordered_otherwise(before: tuple[PinnedKey, ...], after: tuple[PinnedKey, ...]) -> bool:
    had, has = ([key.fingerprint for key in keys] for keys in (before, after))
    return had != has and [one for one in had if one in has] != [one for one in has if one in had]


def _of_mailbox(address: str, before: Mailbox | None, after: Mailbox | None) -> Iterator[KeyChange]:
    had, has = (
        {key.fingerprint: key.accept_until for key in mailbox.keys} if mailbox else {}
        for mailbox in (before, after)
    )
    if had == has:
        return
    for fingerprint in sorted(had.keys() | has.keys()):
        if fingerprint in had and fingerprint in has and had[fingerprint] == has[fingerprint]:
            continue
        gained, lost = fingerprint not in had, fingerprint not in has
        longer = gained or (not lost and _is_later(had[fingerprint], has[fingerprint]))
        yield KeyChange(
            mailbox=address,
            fingerprint=fingerprint,
            gained=gained,
            lost=lost,
            old_until=_written(had.get(fingerprint)),
            new_until=_written(has.get(fingerprint)),
            effect=Effect.LOOSER if longer else Effect.STRICTER,
        )


def _is_later(before: date | None, after: date | None) -> bool:
    """None: without a last day."""
    return before is not None and (after is None or before < after)


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None
