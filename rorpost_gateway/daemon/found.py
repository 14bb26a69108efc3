"""A finding of `rorpost check`: what is wrong, where, and how bad it is."""

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """An error keeps something from working; a warning will, or is loose."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Found:
    """`place` is a file, `file:line:column`, or what it is about."""

    weight: Weight
    place: str
    text: str


def error(place: object, text: str) -> Found:
    return Found(weight=Weight.ERROR, place=str(place), text=text)


def warning(place: object, text: str) -> Found:
    return Found(weight=Weight.WARNING, place=str(place), text=text)
