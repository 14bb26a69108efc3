"""Attributions: the one line over a quote, `On 5 May 2026 at 10:00, Anna <a@b> wrote:`.

It may be wrapped over some lines, and ends with a colon at the end of a line. What begins with a date
and names an address, or has an address right before the verb and then no more than a date, is one;
anything else with an address is perhaps one, perhaps prose. Fed line by line, without the marks of quoting.
"""

import re
from collections import deque

from rorpost_gateway.content.addresses import addresses_in
from rorpost_gateway.content.labels import ATTRIBUTION_BEGINS, WROTE
from rorpost_gateway.content.reply_headers import Quoted

_LINES_BEFORE, _LINES_AFTER = 3, 2
_CHARACTERS = 600  # of a line that are looked at, on each side of the verb
_DIGIT = re.compile(r"[0-9]")
_BRACKETED = re.compile(r"<[^<>]{3,330}>")
_TO_SOMEBODY = re.compile(r"\s(?:till|to|an|til)\s", re.IGNORECASE)


class Attributions:
    """Takes lines; says who wrote where one completes an attribution."""

    def __init__(self) -> None:
        self._before: deque[str] = deque(maxlen=_LINES_BEFORE)
        self._open: list[str] = []
        self._after = 0  # which of them begins with the verb
        self._lines_left = 0

    def line(self, text: str) -> Quoted | None:
        """Who wrote, where an attribution ends with this line and an address stands in it."""
        if not text:
            self._before.clear()
            self._open = []
            return None
        wrote = WROTE.search(text)
        if wrote is not None:
            self._open = self._beginning(text, wrote.start())
            self._after = len(self._open)
            self._open.append(text[wrote.start() :][:_CHARACTERS])
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

    def _complete(self) -> Quoted | None:
        before, after = " ".join(self._open[: self._after]), " ".join(self._open[self._after :])
        self._open = []
        self._before.clear()
        if not addresses_in(before) and not addresses_in(after):
            return None
        authors = _authors(before, after)
        return Quoted(addresses=authors, author_told=bool(authors))


def _authors(before: str, after: str) -> frozenset[str]:
    """Whose words follow; empty where this may be prose that mentions an address."""
    if ATTRIBUTION_BEGINS.match(before) and _DIGIT.search(before):
        found = addresses_in(" ".join(_BRACKETED.findall(before)))
        if not found and not _TO_SOMEBODY.search(after):
            found = addresses_in(" ".join(_BRACKETED.findall(after))) or _last(after)
        if found:
            return found
    nothing_more = _DIGIT.search(after) or not after.partition(" ")[2].strip(" :>-")
    return _last(before) if nothing_more else frozenset()


def _last(words: str) -> frozenset[str]:
    """The address that is the last word."""
    return addresses_in(words.rstrip(" \t,:)>").rpartition(" ")[2])
