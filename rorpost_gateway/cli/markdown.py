"""Text from elsewhere within Markdown: it stays text, on one line, and shows what it holds. Pure."""

import re

from rorpost_gateway.document.findings import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+|~!&@])")
_FENCES = re.compile(r"`+")


def escaped(text: str) -> str:
    """As ordinary text, whatever stands in it."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """As code, in a fence that is longer than any within it (CommonMark 0.31, section 6.1)."""
    shown = printable(text)
    runs = {len(run) for run in _FENCES.findall(shown)}
    fence = "`" * next(length for length in range(1, len(runs) + 2) if length not in runs)
    room = " " if not shown or shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{room}{shown}{room}{fence}"
