"""What a change of policy means: who, to whom, when, under which rules. Frozen, no I/O.

Everything is in a fixed order (by name), so that the same change is always written the same way.
Values stand in words, as a policy file has them; None where there is none.
"""

from dataclasses import dataclass
from enum import StrEnum

from rorpost_gateway.policy.model import Pair
from rorpost_gateway.policy.periods import Period


class Effect(StrEnum):
    """What a changed rule does to what may be sent. Only `stricter` lets nothing more through for sure."""

    LOOSER = "looser"
    STRICTER = "stricter"
    BOTH = "looser and stricter"
    OTHER = "changed"

    @property
    def opens(self) -> bool:
        return self is not Effect.STRICTER


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueChange:
    """One value, before and after; `what` is its key."""

    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleValue:
    """A rule by which a channel differs from the policy's own, and to what effect."""

    key: str
    value: str
    effect: Effect


@dataclass(frozen=True, kw_only=True, slots=True)
class PairChange:
    """One directed pair that may write on these days and could not before, or the other way round.

    `channel` is the one that allows it. `elsewhere`: on other days it may both before and after.
    `rules`: those by which the channel differs from the policy's own.
    """

    sender: str
    recipient: str
    periods: tuple[Period, ...]
    channel: str
    elsewhere: bool
    rules: tuple[RuleValue, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleScope:
    """A channel by its new name; `pairs` only where the change concerns but some of its pairs."""

    channel: str
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleChange:
    """One rule that decides otherwise for pairs that may write before and after.

    `default`: it is (also) the policy's own that changed, for channels that say nothing else.
    """

    key: str
    old: str
    new: str
    effect: Effect
    scopes: tuple[RuleScope, ...]
    every_channel: bool
    default: bool


class Span(StrEnum):
    """What became of somebody's authorisation for one mailbox."""

    APPEARS = "appears"
    ENDS = "ends"
    LONGER = "longer"
    SHORTER = "shorter"
    MOVED = "other days"
    RESTATED = "same days"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorisationChange:
    """One person and one mailbox. `requested_by` and `executed_by` are those of the last period there is
    after the change, or before it where nothing is left. `reaches`: to whom the mailbox may write, on
    whatever days, where somebody gains it.
    """

    mailbox: str
    user: str
    name: str | None
    span: Span
    gained: tuple[Period, ...]
    lost: tuple[Period, ...]
    requested_by: str
    executed_by: str
    reaches: tuple[str, ...] = ()
    values: tuple[ValueChange, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyChange:
    """A pinned key of a mailbox, by its fingerprint: `gained`, `lost`, or another last day."""

    mailbox: str
    fingerprint: str
    gained: bool = False
    lost: bool = False
    old_until: str | None = None
    new_until: str | None = None
    effect: Effect = Effect.OTHER


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingChange:
    """A mailbox or a channel that stands before and after, and what is said of it otherwise."""

    name: str
    values: tuple[ValueChange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Things:
    """Mailboxes or channels by name. `renamed`: old name and new, where nothing else tells them apart."""

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    changed: tuple[ThingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.renamed or self.changed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """All of it. `believed`: partner's mailboxes that list nobody any more, so that whoever the partner
    names is taken; `listed`: those that list people now and listed nobody. `key_order`: mailboxes whose
    keys are preferred in another order.
    """

    old_revision: str
    new_revision: str
    allowed: tuple[PairChange, ...] = ()
    refused: tuple[PairChange, ...] = ()
    rules: tuple[RuleChange, ...] = ()
    authorisations: tuple[AuthorisationChange, ...] = ()
    believed: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    key_order: tuple[str, ...] = ()
    mailboxes: Things = Things()
    channels: Things = Things()

    def __bool__(self) -> bool:
        """Whether anything means something else than before."""
        parts = (self.allowed, self.refused, self.rules, self.authorisations, self.believed, self.listed)
        return any(map(bool, (*parts, self.keys, self.key_order, self.mailboxes, self.channels)))

    @property
    def looser(self) -> int:
        """How many of the changes let something through that was refused before, or may do so."""
        return (
            len(self.allowed)
            + len(self.believed)
            + sum(change.effect.opens for change in self.rules)
            + sum(bool(change.gained) for change in self.authorisations)
            + sum(change.effect.opens for change in self.keys)
        )

    @property
    def stricter(self) -> int:
        """How many of them refuse something that was let through before."""
        return (
            len(self.refused)
            + len(self.listed)
            + sum(change.effect in (Effect.STRICTER, Effect.BOTH) for change in self.rules)
            + sum(bool(change.lost) for change in self.authorisations)
            + sum(change.effect is Effect.STRICTER for change in self.keys)
        )
