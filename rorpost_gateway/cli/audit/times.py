"""Days, months and moments as an auditor types them (ISO 8601, RFC 3339), in a time zone that is said."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

_DAY = r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_MOMENT = re.compile(
    rf"{_DAY}[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{3}})?)?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?"
)
_MONTH = re.compile(r"(?:19|20|21)[0-9]{2}-[0-9]{2}")

Function = TypeVar("Function", bound=Callable[..., Any])


def _zone(_: click.Context, __: click.Parameter, value: str) -> tzinfo:
    if value == "UTC":
        return UTC
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter("not a time zone; one is Europe/Stockholm") from None


def timezone_option(function: Function) -> Function:
    """`--timezone ZONE`: whose days and hours are meant."""
    return click.option(
        "--timezone",
        "zone",
        metavar="ZONE",
        callback=_zone,
        default="UTC",
        show_default=True,
        help="Whose days and hours are meant, such as Europe/Stockholm.",
    )(function)


def since(text: str, zone: tzinfo, *, option: str) -> datetime:
    """The moment, or the first one of the day. Raises click.BadParameter."""
    day = _day(text)
    return _moment(text, zone, option=option) if day is None else _midnight(day, zone)


def until(text: str, zone: tzinfo, *, option: str) -> datetime:
    """The end, itself not included, of the day or of the moment's millisecond. Raises click.BadParameter."""
    day = _day(text)
    if day is None:
        return _moment(text, zone, option=option) + timedelta(milliseconds=1)
    return _midnight(day + timedelta(days=1), zone)


def month(text: str, zone: tzinfo, *, option: str) -> tuple[datetime, datetime]:
    """Its beginning, and its end that is not included. Raises click.BadParameter."""
    first = _day(f"{text}-01") if _MONTH.fullmatch(text) else None
    if first is None:
        raise click.BadParameter("a month is written YYYY-MM", param_hint=option)
    after = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first, zone), _midnight(after, zone)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(_DAY, text) else None
    except ValueError:
        return None


def _moment(text: str, zone: tzinfo, *, option: str) -> datetime:
    try:
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
    except ValueError:
        pass
    raise click.BadParameter(
        "a time is written 2026-05-06, 2026-05-06T08:00 or 2026-05-06T08:00:00+02:00", param_hint=option
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
