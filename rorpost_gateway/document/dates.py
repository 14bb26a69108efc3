"""Days that are not written as 2026-12-31: which one was probably meant, and what to say. Pure."""

import calendar
import re
from datetime import date

WANTED = "a date such as 2026-12-31, without quotes"

_ISO_LIKE = re.compile(r"([0-9]{4})([-/. ]?)([0-9]{1,2})\2([0-9]{1,2})(?:[Tt ].*)?")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4})")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def meant_day(written: str) -> str:
    """The day as it should stand; empty where that is a guess (03/04/2026), or there is no such day."""
    if match := _ISO_LIKE.fullmatch(written.strip()):
        return _iso(int(match[1]), int(match[3]), int(match[4]))
    if match := _DAY_FIRST.fullmatch(written.strip()):
        day, month = int(match[1]), int(match[2])
        return _iso(int(match[3]), month, day) if day > 12 or day == month else ""
    return ""


def no_such_day(written: str) -> str:
    """What to say of a day like 2026-02-30: `written` has the right form."""
    year, month = int(written[:4]), int(written[5:7])
    if not 1 <= month <= 12 or year < 1:
        return "a day is written year-month-day: 2026-12-31"
    return f"{_MONTHS[month - 1]} {year} has {calendar.monthrange(year, month)[1]} days"


def why_no_day(written: str, *, quoted: bool) -> str:
    """What to say of a value that is no day, in words for whoever wrote it."""
    if quoted and meant_day(written):
        return "in quotes it is text; a date stands without them"
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", written):
        return "write the day alone: dates are whole days, and the last one counts to midnight"
    return "write year-month-day, with four, two and two digits: 2026-01-05"


def _iso(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
