"""What a rule is and what it answers: the same for both directions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rorpost_gateway.decision import Position, Reason
from rorpost_gateway.policy.inquiry import Inquiry

Asked_contra = TypeVar("Asked_contra", bound=Inquiry, contravariant=True)

Answer = Reason | None
"""A rule's word: why not, or None where it has nothing against it. Never `Reason.OK`."""


def nowhere(_asked: Inquiry) -> Position | None:
    """Of a rule that no line of a policy is behind."""
    return None


def rule_line(key: str) -> Callable[[Inquiry], Position | None]:
    """Of a rule that stands under `rules` in the policy, by its key there."""
    return lambda asked: asked.rules.positions.get(key)


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[Asked_contra]):
    """One row. `name` is its key in the policy file, or what it is called where it has none.

    `check` is pure, and asked of every message. `position`, the line of policy behind what `check`
    answers, is worked out of the same inquiry for whoever wants to see it: mostly nobody does.
    """

    reasons: tuple[Reason, ...]
    name: str
    check: Callable[[Asked_contra], Answer]
    position: Callable[[Asked_contra], Position | None] = nowhere
