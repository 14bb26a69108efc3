"""An entry in words: a paragraph where somebody reads, one line where a program does.

Values come from clients and other servers. One that is not plain is shown in
quotation marks with its special characters escaped, so that it can neither move a
terminal's cursor nor pass for another field.
"""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, TextIO

import click

Entry = Mapping[str, Any]

_PLAIN = re.compile(r"[!#-+\--\[\]-~]+")  # printable ASCII but quotation mark, comma and backslash
_COLOURS = {"accept": "green", "reject": "red", "defer": "yellow"}
_WORDS = {  # fields that are shown, with what is said before their value
    "reverse_path": "from",
    "recipient": "to",
    "declared_user": "by",
    "declared_by": "known by",
    "login": "login",
    "because_of": "because of",
    "channel": "channel",
    "legal_basis": "legal basis",
    "rule": "rule",
    "queue_id": "queue id",
    "message_id": "message id",
    "next_hop": "next hop",
    "reply": "reply",
    "attempt": "attempt",
    "client": "client",
    "count": "count",
    "since": "since",
    "operator": "operator",
    "verb": "verb",
    "filters": "filters",
    "entries": "entries",
    "fingerprints": "fingerprints",
    "decision": "decision",
    "version": "version",
    "origin": "origin",
    "vkey": "verifier key",
    "revision": "revision",
    "previous": "previous",
    "previous_origin": "previous origin",
    "previous_entries": "previous entries",
    "previous_head": "previous head",
    "counts": "counts",
    "file": "file",
    "first": "first",
    "last": "last",
    "offset": "offset",
    "length": "length",
    "mailbox": "mailbox",
    "outcome": "outcome",
    "deadline": "deadline",
    "unread": "unread",
    "oldest_unread": "oldest unread",
    "in_inbox": "in inbox",
    "in_sent": "in sent",
    "oldest": "oldest",
    "foreign": "foreign",
    "cause": "cause",
    "valid_until": "valid until",
    "days_left": "days left",
}
_INDENT = " " * 10


class Printer:
    """Prints entries, each at once, to standard output or to `out`.

    `as_json`: the log's own lines. Otherwise paragraphs as wide as the terminal, or,
    where there is none, a line each.
    """

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None) -> None:
        self._as_json = as_json
        self._out = out or sys.stdout
        self._width = shutil.get_terminal_size().columns if self._out.isatty() else None
        self._colour = "NO_COLOR" not in os.environ

    def print(self, octets: bytes, entry: Entry) -> None:
        """`octets`: the entry's line, ASCII; the verifier lets no escape character stand in one."""
        if self._as_json:
            text = octets.decode("ascii")
        elif self._width is None:
            text = line(entry)
        else:
            text = paragraph(entry, width=self._width)
            text = text if self._colour else click.unstyle(text)
        self._out.write(f"{text}\n")

    def flush(self) -> None:
        self._out.flush()


def line(entry: Entry) -> str:
    """All of it on one line, however long."""
    return "  ".join(
        [f"{number(entry['n'])}  {entry['time']}", _what(entry), ", ".join(_details(entry))]
    ).rstrip()


def paragraph(entry: Entry, *, width: int) -> str:
    """The same within `width` columns, with colour for what was decided."""
    head = f"{number(entry['n']):>8}  {entry['time']}  "
    lines = [head + click.style(_what(entry), fg=_COLOURS.get(str(entry.get("action"))), bold=True)]
    columns, row = max(width, 40) - len(_INDENT), ""
    for detail in _details(entry):
        if row and len(row) + 2 + len(detail) > columns:
            lines.append(f"{_INDENT}{row},")
            row = detail
        else:
            row = f"{row}, {detail}" if row else detail
        *full, row = textwrap.wrap(row, columns - 1, break_on_hyphens=False)
        lines += [_INDENT + each for each in full]
    return "\n".join([*lines, _INDENT + row] if row else lines)


def plain(value: object) -> str:
    """A value as it can be shown anywhere."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    if isinstance(value, Mapping):
        return " ".join(f"{plain(name)}={plain(number)}" for name, number in value.items())
    if isinstance(value, list):
        return " ".join(plain(item) for item in value)
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def number(n: int) -> str:
    """An entry number; a log that somebody made up may have one of thousands of digits."""
    return str(n) if n < 1 << 63 else "(beyond all measure)"


def _what(entry: Entry) -> str:
    if entry["event"] != "decision":
        return " ".join(filter(None, (str(entry["event"]), entry.get("reason") and plain(entry["reason"]))))
    return f"{entry['direction']} {entry['action']} {plain(entry['reason'])}"


def _details(entry: Entry) -> list[str]:
    shown = ((words, entry.get(name)) for name, words in _WORDS.items())
    return [f"{words} {plain(value)}" for words, value in shown if value is not None]
