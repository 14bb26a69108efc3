"""What a rule is and what it answers: the same for both directions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rorpost_gateway.decision import Position, Reason
from rorpost_gateway.policy.inquiry import Inquiry

_OK = Reason.OK
_new_answer = tuple.__new__


class Answer(NamedTuple):
    """A rule's word. `position` is the line of policy behind it, if there is one."""

    reason: Reason
    position: Position | None = None


_PASSED = Answer(_OK)


def answer(reason: Reason, position: Position | None, *, fails: bool) -> Answer:
    if not fails and position is None:
        return _PASSED
    # As Answer(...) does, without its detour over keywords: a decision takes some twenty of them.
    return _new_answer(Answer, (reason if fails else _OK, position))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row. `name` is its key in the policy file, or what it is called where it has none."""

    reasons: tuple[Reason, ...]
    name: str
    check: Callable[[Inquiry], Answer]
    outbound_only: bool = True
