"""Quotes in running text: what reply headers, attributions and `>` say of where it comes from."""

import re

from rorpost_gateway.content.attributions import Attributions
from rorpost_gateway.content.labels import SEPARATOR, quotes_perhaps
from rorpost_gateway.content.reply_headers import Quoted, ReplyHeaders

_MARKS = re.compile(r"[ \t>|]*+")
_SHORT_CHARACTERS = 64 * 1024  # searching more at once would hold up other threads
_NEAR_LINES = 4  # so far below a reply header a quote is still the one it speaks of


class QuoteReader:
    """Reads texts; collects who is quoted, and how many quotes there are without a known author."""

    def __init__(self) -> None:
        self.quoted: dict[frozenset[str], None] = {}
        self.suspected = 0
        self._begin()

    def read(self, text: str) -> None:
        """One text, whose lines end with LF. Linear."""
        if not _quotes_somewhere_perhaps(text):
            return
        self._begin()
        for line in text.split("\n"):
            self._line(line)
        self._headers.end()
        self._leave_run()
        self._leave_separator()

    def _begin(self) -> None:
        self._headers = ReplyHeaders(self._found)
        self._attributions = Attributions()
        self._in_run = False  # of lines that are marked as quoted
        self._explained = False  # whose author has been looked for
        self._lines_since = _NEAR_LINES + 1  # since the last reply header or attribution

    def _line(self, line: str) -> None:
        marks = _MARKS.match(line)
        begins = marks.end() if marks else 0
        text = line[begins:].rstrip()
        if SEPARATOR.fullmatch(text):
            self._headers.end()
            self._leave_separator()
            self._headers.announced = True
            self._lines_since = 0
            return
        self._headers.line(text)
        wrote = self._attributions.line(text)
        if wrote is not None:
            self._found(wrote)
        if text:
            self._mark(quoted=">" in line[:begins] and not line.startswith(">From "))
            self._lines_since += 1

    def _mark(self, *, quoted: bool) -> None:
        if quoted and not self._in_run:
            self._in_run = True
            self._explained = self._lines_since <= _NEAR_LINES
        elif not quoted:
            self._leave_run()

    def _leave_run(self) -> None:
        if self._in_run and not self._explained:
            self.suspected += 1
        self._in_run = False

    def _leave_separator(self) -> None:
        if self._headers.announced:
            self.suspected += 1
        self._headers.announced = False

    def _found(self, quoted: Quoted) -> None:
        self._explained = True
        self._lines_since = 0
        self.add(quoted)

    def add(self, quoted: Quoted) -> None:
        """One quoted message."""
        if quoted.addresses:
            self.quoted[quoted.addresses] = None
        if not quoted.author_told:
            self.suspected += 1


def _quotes_somewhere_perhaps(text: str) -> bool:
    """`quotes_perhaps`, some whole lines at a time: nothing that it looks for is longer than a line."""
    begin = 0
    while len(text) - begin > _SHORT_CHARACTERS:
        end = text.rfind("\n", begin, begin + _SHORT_CHARACTERS)
        if end < 0 or quotes_perhaps(text[begin:end]):
            return True
        begin = end + 1
    return quotes_perhaps(text[begin:])
