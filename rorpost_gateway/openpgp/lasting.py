"""How long a mailbox still has a key: the first moment at which the index would name none. Pure.

It asks the index that decides for every message, at each moment at which its answer can change: the
expiry of a part, and the end of a pin's time in the policy. So two keys side by side last as long as the
longer one, and what is not foreseeable (a revocation, a new key) is not foretold.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.base import KeyEnd, Need
from rorpost_gateway.openpgp.index import ListedKeys


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedPin:
    """A pinned fingerprint; `until` is the moment from which it no longer counts, None for never."""

    fingerprint: str
    until: datetime | None


def key_end(
    index: ListedKeys, address: str, pins: Sequence[TimedPin], need: Need, *, at: datetime
) -> KeyEnd | None:
    """When a mailbox will have no key for a need; None where that is not foreseeable.

    Without pins it is a mailbox of ours, whose keys are found by its address. `at` is aware, and now.
    """
    fingerprints = [pin.fingerprint for pin in pins]
    ends = {pin.until for pin in pins if pin.until is not None}
    changes = sorted(each for each in index.expiries(address, fingerprints) | ends if each > at)
    last: KeyChoice | None = None
    for moment in (at, *changes):
        counting = [pin.fingerprint for pin in pins if pin.until is None or moment < pin.until]
        answer = _ask(index, address, counting, need, moment) if counting or not pins else Reason.KEY_EXPIRED
        if isinstance(answer, Reason):
            return _end(index, address, pins, need, moment, answer, last)
        last = answer
    return None


def _end(
    index: ListedKeys,
    address: str,
    pins: Sequence[TimedPin],
    need: Need,
    moment: datetime,
    reason: Reason,
    last: KeyChoice | None,
) -> KeyEnd:
    whole = [last.primary] if last is not None else [pin.fingerprint for pin in pins]
    return KeyEnd(
        at=moment if last is not None else None,
        reason=reason,
        fingerprint=next(iter(whole), None),
        by_policy=bool(pins) and isinstance(_ask(index, address, whole, need, moment), KeyChoice),
    )


def _ask(
    index: ListedKeys, address: str, pinned: Collection[str], need: Need, at: datetime
) -> KeyChoice | Reason:
    if need is Need.VERIFY:
        return index.for_verifying(pinned, at)
    return (
        index.for_sealing(address, pinned, at)
        if need is Need.SEAL
        else index.for_signing(address, pinned, at)
    )
