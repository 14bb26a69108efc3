"""Which reminders are due on a day. Pure.

A step is a number of days before the last one. Each step of an authorisation is told of once: a reminder
that comes late, since nothing ran, stands for all steps that have passed. A step that an authorisation is
too short for is none: who has just asked for ten days need not hear that they end within thirty.
"""

from collections.abc import Collection, Iterable
from datetime import date

from rorpost_gateway.reminding.base import Ending, Told


def due(
    endings: Iterable[Ending], told: Collection[Told], *, day: date, steps_days: Collection[int]
) -> tuple[Ending, ...]:
    """Those whose manager is to hear now."""
    nearest: dict[tuple[str, str, date], int] = {}
    for each in told:
        key = (each.mailbox, each.user, each.valid_until)
        nearest[key] = min(each.days_left, nearest.get(key, each.days_left))
    return tuple(one for one in endings if _is_due(one, nearest, day, steps_days))


def _is_due(
    ending: Ending, nearest: dict[tuple[str, str, date], int], day: date, steps_days: Collection[int]
) -> bool:
    left = ending.days_left(day)
    whole = (ending.valid_until - ending.valid_from).days
    reached = [step for step in steps_days if left <= step < whole]
    if left < 0 or not reached:
        return False
    last = nearest.get((ending.mailbox, ending.user, ending.valid_until))
    return last is None or last > min(reached)
