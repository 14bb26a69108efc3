"""CSV for spreadsheets: RFC 4180, and nothing in it that one would calculate or run. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

# What makes a spreadsheet take a cell for a formula; the last four are the wide forms of the first.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A line for the header and one for each row, ended by CRLF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: str) -> str:
    """The value; with an apostrophe before it where it would be taken for a formula."""
    return "'" + value if value.lstrip(" \u00a0").startswith(_FORMULA) else value
