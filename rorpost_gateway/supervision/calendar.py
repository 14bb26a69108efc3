"""Swedish holidays, from the `holidays` library: no list of dates of our own to keep up.

A holiday is a public holiday (lag 1989:253: Good Friday, Easter Monday, 6 June, All Saints' Day and
the others), and beside those midsommarafton, julafton and nyårsafton, which semesterlagen (1977:480,
section 7) puts on a level with Sundays and on which offices are closed. The eves on which many work
until noon (trettondagsafton, skärtorsdag, Valborg) and the days between a holiday and a weekend are
working days here: mail that came in the morning is read. Sundays are weekdays like others to this
module; whoever asks knows which weekdays count.

The library takes some 0.1 s and 17 MB to import, so that it is imported by the first calendar made,
and not by a command that needs none.
"""

from collections.abc import Container
from datetime import date

_COUNTRY = "SE"
_CATEGORIES = ("public", "de_facto")


class SwedishHolidays:
    """Make it before serving begins: that is when the time for the import is spent."""

    def __init__(self) -> None:
        import holidays

        self._days: Container[date] = holidays.country_holidays(_COUNTRY, categories=_CATEGORIES)

    def is_holiday(self, day: date) -> bool:
        return day in self._days
