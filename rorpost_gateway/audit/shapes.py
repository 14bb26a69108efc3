"""Lines recognised by their shape: the same checks as in `line`, at a fraction of the cost.

A gateway writes the same fields in the same order, line after line. Of a line that
was read in full, a pattern is made that holds for every line with those names in
that order and with values that `line` would take; what it does not match is read in
full. So a pattern may refuse what is right, but must never take what is wrong: it
is made of known names only, each once, with nothing between the tokens.

RFC 8259 (JSON); RFC 3339 (time).
"""

import re
from datetime import date
from typing import Any

from rorpost_gateway.audit.line import CHOICES, EVENTS, HASHES, NUMBERS, TEXTS

SHAPES = 64  # of one event; a log that has more is read in full

_CHARACTERS = r"[ !#-\[\]-~]*+"
_ESCAPE = r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4})"
_TEXT = rf'"{_CHARACTERS}(?:{_ESCAPE}{_CHARACTERS})*"'
_HASH = r'"[0-9a-f]{64}"'
_UUID7 = r'"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"'
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
_NODE = r'"[ !#-\[\]-~]++"'

_EVENT = re.compile(rb'.{24}","node":"[^"\\]{1,256}","event":"([a-z-]{1,32})"', re.DOTALL)
_LONGEST_BEFORE_EVENT = 512

Pattern = re.Pattern[bytes]


class Shapes:
    """The shapes seen so far."""

    def __init__(self) -> None:
        self._by_event: dict[bytes, list[Pattern]] = {}
        self._date = b""

    def matches(self, line: bytes, at: int) -> re.Match[bytes] | None:
        """The match of a line whose octets from `at`, right before its time, have a shape that is known.

        What stands before `at` is the caller's to have compared. The match ends the line;
        its group 2 is the event.
        """
        found = _EVENT.match(line, at, at + _LONGEST_BEFORE_EVENT)
        if found is None:
            return None
        for pattern in self._by_event.get(found[1], ()):
            match = pattern.fullmatch(line, at)
            if match is not None:
                return match if self._is_date(match[1]) else None
        return None

    def learn(self, entry: dict[str, Any]) -> None:
        """Make a shape of an entry that was read in full."""
        known = self._by_event.setdefault(entry["event"].encode("ascii"), [])
        if len(known) < SHAPES:
            pattern = _pattern(entry)
            if pattern is not None and pattern not in known:
                known.append(pattern)

    def _is_date(self, text: bytes) -> bool:
        if text != self._date:
            try:
                date.fromisoformat(text.decode("ascii"))
            except ValueError:
                return False
            self._date = text
        return True


def _pattern(entry: dict[str, Any]) -> Pattern | None:
    event = entry["event"]
    parts = [_TIME, rf'","node":{_NODE},"event":"({re.escape(event)})"']
    for name in list(entry)[5:]:
        value = _value(name)
        if value is None:
            return None
        null = "" if name in EVENTS[event] else "|null"
        parts.append(f',"{name}":(?:{value}{null})')
    return re.compile(("".join(parts) + r"\}").encode("ascii"))


def _value(name: str) -> str | None:
    """What a field's value looks like; None for a field that has no shape worth the trouble."""
    if name == "decision_id":
        return _UUID7
    if name in TEXTS:
        return _TEXT
    if name in NUMBERS:
        return _NUMBER
    if name in HASHES:
        return _HASH
    if name in CHOICES:
        return "|".join(f'"{re.escape(choice)}"' for choice in sorted(CHOICES[name]))
    return None
