"""Attributions: the one line over a quote, `On 5 May 2026 at 10:00, Anna <a@b> wrote:`.

It may be wrapped over some lines, and ends with a colon at the end of a line. Without a date, or an
address right before the verb, it is prose. Fed line by line, without the marks of quoting.
"""

import re
from collections import deque

from rorpost_gateway.content.addresses import addresses_in
from rorpost_gateway.content.labels import ATTRIBUTION_BEGINS, WROTE

_LINES_BEFORE, _LINES_AFTER = 3, 2
_CHARACTERS = 600  # of a line that are looked at, on each side of the verb
_DIGIT = re.compile(r"[0-9]")


class Attributions:
    """Takes lines; says who is named where one completes an attribution."""

    def __init__(self) -> None:
        self._before: deque[str] = deque(maxlen=_LINES_BEFORE)
        self._open: list[str] = []
        self._lines_left = 0

    def line(self, text: str) -> frozenset[str] | None:
        """Who wrote, where an attribution ends with this line; empty where that is not told."""
        if not text:
            self._before.clear()
            self._open = []
            return None
        wrote = WROTE.search(text)
        if wrote is not None:
            self._open = [*self._beginning(text, wrote.start()), text[wrote.start() :][:_CHARACTERS]]
            self._lines_left = _LINES_AFTER
        elif self._open:
            self._open.append(text[:_CHARACTERS])
            self._lines_left -= 1
        self._before.append(text[-_CHARACTERS:])
        if not self._open:
            return None
        if text.endswith((":", ": >")):
            return self._complete()
        if self._lines_left <= 0:
            self._open = []
        return None

    def _beginning(self, text: str, verb: int) -> list[str]:
        """What stands before the verb, from where the attribution begins."""
        before = text[max(0, verb - _CHARACTERS) : verb]
        if ATTRIBUTION_BEGINS.match(text) or not self._before:
            return [before]
        lines = list(self._before)
        for place in range(len(lines) - 1, -1, -1):
            if ATTRIBUTION_BEGINS.match(lines[place]):
                return [*lines[place:], before]
        return [lines[-1], before] if not addresses_in(before) else [before]

    def _complete(self) -> frozenset[str] | None:
        segment = " ".join(self._open)
        self._open = []
        self._before.clear()
        named = addresses_in(segment)
        return named if named or _DIGIT.search(segment) else None
