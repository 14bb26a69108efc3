"""The Date field. RFC 5322, section 3.3; of section 4.3 only the zone names.

A day of the week that contradicts the date is not looked at. Two-digit years and
single-letter zones are not taken.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from rorpost_gateway.message.grammar import CFWS, Unreadable

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5}
_ZONES |= {"mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_DATE = re.compile(
    rf"{CFWS}(?:(?:mon|tue|wed|thu|fri|sat|sun){CFWS},{CFWS})?"
    rf"(?P<day>[0-9]{{1,2}}){CFWS}(?P<month>{'|'.join(_MONTHS)}){CFWS}(?P<year>[0-9]{{4}})(?![0-9]){CFWS}"
    rf"(?P<hour>[0-9]{{2}}){CFWS}:{CFWS}(?P<minute>[0-9]{{2}})(?:{CFWS}:{CFWS}(?P<second>[0-9]{{2}}))?{CFWS}"
    rf"(?:(?P<sign>[+-])(?P<zone_hours>[0-9]{{2}})(?P<zone_minutes>[0-9]{{2}})|(?P<zone>{'|'.join(_ZONES)}))"
    rf"{CFWS}",
    re.IGNORECASE | re.ASCII,
)


def read_date(value: str) -> datetime:
    """The instant with its offset from UTC. Raises Unreadable."""
    match = _DATE.fullmatch(value)
    if match is None:
        raise Unreadable("not a date")
    try:
        return datetime(
            year=int(match["year"]),
            month=_MONTHS.index(match["month"].lower()) + 1,
            day=int(match["day"]),
            hour=int(match["hour"]),
            minute=int(match["minute"]),
            second=_second(match["second"]),
            tzinfo=_zone(match),
        )
    except ValueError:
        raise Unreadable("not a date") from None


def format_date(moment: datetime) -> str:
    """The RFC 5322 text of an instant, in the offset it carries."""
    if moment.tzinfo is None:
        raise ValueError("a date without its offset")
    return format_datetime(moment.replace(microsecond=0))


def _second(text: str | None) -> int:
    second = int(text or 0)
    return 59 if second == 60 else second  # a leap second


def _zone(match: re.Match[str]) -> timezone:
    if match["zone"]:
        hours = _ZONES[match["zone"].lower()]
        return timezone(timedelta(hours=hours)) if hours else UTC
    if int(match["zone_minutes"]) > 59:
        raise ValueError("minutes of a zone")
    offset = timedelta(hours=int(match["zone_hours"]), minutes=int(match["zone_minutes"]))
    return timezone(-offset if match["sign"] == "-" else offset) if offset else UTC
