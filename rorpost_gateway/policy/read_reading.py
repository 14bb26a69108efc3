"""Reading when a mailbox is to be read, and who hears first that it was not."""

import re
from dataclasses import dataclass
from datetime import time

from rorpost_gateway.document import Kind, Node, Section, shown
from rorpost_gateway.policy.model import EVERY_DAY, WORKING_DAYS, ReadOn
from rorpost_gateway.policy.read_addresses import people

_A_TIME = 'hours and minutes, two digits each, with a colon: "08:00"'
TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SWEDISH = dict(zip(("mån", "tis", "ons", "tor", "fre", "lör", "sön"), WEEKDAYS, strict=True))
NAMED_DAYS = {"working-days": WORKING_DAYS, "every-day": EVERY_DAY}
_WANTED = f"must be one of: {', '.join(NAMED_DAYS)}, or a list of: {', '.join(WEEKDAYS)}"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The keys of one mailbox that supervision goes by."""

    read_at: tuple[time, ...]
    read_on: ReadOn
    on_duty: tuple[str, ...]


def read_reading(section: Section) -> Reading:
    """`read_at`, and what has a meaning only beside it; findings for whatever is wrong with them."""
    reading = Reading(
        read_at=_read_times(section), read_on=_read_days(section), on_duty=people(section, "on_duty")
    )
    if not section.has("read_at"):
        for key in ("read_on", "on_duty"):
            if section.has(key):
                section.complain(key, "means nothing without read_at")
    return reading


def _read_times(section: Section) -> tuple[time, ...]:
    written = section.texts("read_at", [], pattern=TIME_OF_DAY, advice=_A_TIME)
    times = [time.fromisoformat(text) for text in written if TIME_OF_DAY.fullmatch(text)]
    if times != sorted(set(times)):
        section.complain("read_at", "must name each time once, the earliest first")
    return tuple(times)


def _read_days(section: Section) -> ReadOn:
    node = section.value("read_on", None)
    if node is None:
        return WORKING_DAYS
    if node.kind is Kind.SEQUENCE:
        return _read_weekdays(section, node)
    named = NAMED_DAYS.get(node.source) if node.kind is Kind.TEXT else None
    if named is None:
        section.complain("read_on", _WANTED)
    return named or WORKING_DAYS


def _weekday_meant(text: str) -> str:
    """By its first letters, in English or Swedish; never by likeness, since `ons` looks like `mon`."""
    begins = text.lower()[:3]
    return begins if begins in WEEKDAYS else _SWEDISH.get(begins, "")


def _read_weekdays(section: Section, node: Node) -> ReadOn:
    """A list is exactly those days, holidays among them too: whoever writes it keeps another calendar."""
    written = [element.source if element.kind is Kind.TEXT else "" for element in node.elements]
    for index, text in enumerate(written):
        if text not in WEEKDAYS:
            section.complain_at("read_on", index, _WANTED, meant=_weekday_meant(text))
    if not written:
        section.complain("read_on", _WANTED)
    for twice in sorted({text for text in written if text in WEEKDAYS and written.count(text) > 1}):
        section.complain("read_on", f"names {shown(twice)} twice")
    weekdays = frozenset(WEEKDAYS.index(text) for text in written if text in WEEKDAYS)
    return ReadOn(weekdays=weekdays, on_holidays=True)
