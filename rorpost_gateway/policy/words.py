"""Values of the policy in the words that its files have for them. Pure."""

from collections.abc import Collection
from datetime import date, time

from rorpost_gateway.policy.model import ReadOn
from rorpost_gateway.policy.read_reading import NAMED_DAYS, WEEKDAYS


def in_words(value: object) -> str | None:
    """As a policy file has it; None where it has nothing."""
    if value is None:
        return None
    if isinstance(value, ReadOn):
        return _days_of_reading(value)
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Collection) and not isinstance(value, str):
        return ", ".join(in_words(one) or "" for one in value) or None
    return str(value)


def _days_of_reading(value: ReadOn) -> str:
    named = next((word for word, meant in NAMED_DAYS.items() if meant == value), None)
    return named or ", ".join(WEEKDAYS[number] for number in sorted(value.weekdays))
