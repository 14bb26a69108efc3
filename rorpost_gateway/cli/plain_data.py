"""Frozen words as JSON has them, field by field."""

from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any


def as_plain_data(value: object) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Data classes as mappings, tuples as lists, words and dates as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [as_plain_data(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
