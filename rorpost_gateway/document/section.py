"""Typed reading of one mapping. Whoever reads it asks for keys; what nobody asked for is unknown.

Every mistake becomes a finding and a harmless placeholder, so that one look at a file
shows all that is wrong with it: the values may be used only after
`Findings.raise_if_any` has not raised.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, TypeVar, cast

from rorpost_gateway.decision import Position
from rorpost_gateway.document.choices import one_of
from rorpost_gateway.document.dates import WANTED as A_DATE
from rorpost_gateway.document.dates import meant_day, why_no_day
from rorpost_gateway.document.findings import Aside, Findings, shown
from rorpost_gateway.document.node import Entry, Kind, Node

T = TypeVar("T")

REQUIRED: Any = object()  # the default of a key that must be there
LONGEST_TEXT = 1000
NOWHERE: Mapping[str, str] = {}

_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Section:
    """One mapping. `name` is its path, for findings; empty for the whole file.

    A key whose value is `null` counts as left out; one with nothing behind it is a finding.
    """

    def __init__(self, node: Node, findings: Findings, *, name: str = "") -> None:
        self.name = name
        self.node = node
        self._findings = findings
        self._entries: dict[str, Entry] = {entry.key: entry for entry in node.entries}
        self._asked: set[str] = set()
        if node.kind is not Kind.MAPPING:
            self._at(node, f"{name or 'the file'} must be a mapping (key: value)")

    def text(
        self,
        key: str,
        default: T = REQUIRED,
        *,
        pattern: re.Pattern[str] | None = None,
        longest: int = LONGEST_TEXT,
        advice: str = "",
    ) -> str | T:
        """Text that is not empty, matches `pattern` as a whole, and is at most `longest` characters.

        `advice`: how it is written, for whoever wrote what does not match.
        """
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder="")
        return self._text_of(node, self._path(key), pattern, longest, advice)

    def integer(self, key: str, default: T = REQUIRED, *, least: int = 0, most: int = 2**53 - 1) -> int | T:
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=least)
        placeholder = default if isinstance(default, int) else least
        if node.kind is not Kind.INTEGER:
            return self._wrong(node, key, "a whole number", placeholder)
        value = cast("int", node.value)
        if not least <= value <= most:
            return self._wrong(node, key, f"a whole number from {least} to {most}", placeholder)
        return value

    def number(self, key: str, default: T = REQUIRED, *, least: float = 0.0, most: float = 1e15) -> float | T:
        """A number with or without decimals."""
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=least)
        if node.kind not in (Kind.INTEGER, Kind.FLOAT):
            return self._wrong(node, key, "a number", least)
        value = float(cast("float", node.value))
        if not least <= value <= most:
            return self._wrong(node, key, f"a number from {least:g} to {most:g}", least)
        return value

    def boolean(self, key: str, default: T = REQUIRED) -> bool | T:
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=False)
        if node.kind is not Kind.BOOLEAN:
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(node.source.lower(), "")
            return self._wrong(node, key, "true or false", False, meant=meant)  # noqa: FBT003
        return cast("bool", node.value)

    def date(self, key: str, default: T = REQUIRED) -> date | T:
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=date.min)
        if node.kind is not Kind.DATE:
            meant, advice = meant_day(node.source), why_no_day(node.source, quoted=node.quoted)
            meant = "" if meant == node.source else meant
            return self._wrong(node, key, A_DATE, date.min, meant=meant, advice=advice)
        return cast("date", node.value)

    def choice(self, key: str, choices: Collection[str], default: T = REQUIRED) -> str | T:
        """One of a few words."""
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder="")
        if node.kind is not Kind.TEXT or node.value not in choices:
            wanted, meant, advice = one_of(node, choices, self._findings)
            return self._wrong(node, key, wanted, "", meant=meant, advice=advice)
        return cast("str", node.value)

    def duration(self, key: str, default: T = REQUIRED) -> float | T:
        """Seconds, from a whole number and its unit: 30s, 5m, 1h, 14d."""
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=0.0)
        match = _DURATION.fullmatch(node.source) if node.kind is Kind.TEXT else None
        if match is None:
            return self._wrong(node, key, "a time such as 30s, 5m, 1h or 14d", 0.0)
        return int(match[1]) * _UNIT_SECONDS[match[2]]

    def texts(
        self,
        key: str,
        default: T = REQUIRED,
        *,
        pattern: re.Pattern[str] | None = None,
        longest: int = LONGEST_TEXT,
        advice: str = "",
    ) -> list[str] | T:
        """A list of texts; it may be empty. `advice`: as for `text`."""
        node = self._value(key, required=default is REQUIRED)
        if node is None:
            return self._absent(default, placeholder=[])
        if node.kind is not Kind.SEQUENCE:
            return self._wrong(node, key, "a list", [])
        return [
            self._text_of(element, f"{self._path(key)}[{index}]", pattern, longest, advice)
            for index, element in enumerate(node.elements)
        ]

    def value(self, key: str, default: T = REQUIRED) -> Node | T:
        """The node itself, for a key that may be of several kinds."""
        node = self._value(key, required=default is REQUIRED)
        return self._absent(default, placeholder=self.node) if node is None else node

    def section(self, key: str, *, required: bool = False) -> "Section | None":
        """The mapping behind a key; None where it is left out or is no mapping."""
        node = self._value(key, required=required)
        if node is None:
            return None
        if node.kind is not Kind.MAPPING:
            self._wrong(node, key, "a mapping (key: value)", None)
            return None
        return Section(node, self._findings, name=self._path(key))

    def sections(self, key: str, *, required: bool = False) -> "list[Section]":
        """The mappings of the list behind a key; nothing where it is left out."""
        return [
            Section(element, self._findings, name=name)
            for name, element in self.elements(key, required=required)
        ]

    def elements(self, key: str, *, required: bool = False) -> list[tuple[str, Node]]:
        """What the list behind a key holds, each with its path; nothing where it is left out."""
        node = self._value(key, required=required)
        if node is None:
            return []
        if node.kind is not Kind.SEQUENCE:
            return self._wrong(node, key, "a list", [])
        path = self._path(key)
        return [(f"{path}[{index}]", element) for index, element in enumerate(node.elements)]

    def items(self) -> list[tuple[str, Position, Node]]:
        """Every key with its place and its value: for a mapping whose keys are names."""
        self._asked.update(self._entries)
        return [(entry.key, entry.position, entry.node) for entry in self._entries.values()]

    def has(self, key: str) -> bool:
        """Whether a value was given for the key (null counts as left out)."""
        entry = self._entries.get(key)
        return entry is not None and entry.node.kind is not Kind.NULL

    def position(self, key: str | None = None) -> Position:
        """Where the value of the key stands, or the mapping, where the key is left out."""
        entry = self._entries.get(key) if key is not None else None
        return entry.node.position if entry is not None else self.node.position

    def complain(
        self, key: str | None, text: str, *, meant: str = "", advice: str = "", asides: tuple[Aside, ...] = ()
    ) -> None:
        """Add a finding at a key's value (or at the mapping), introduced by its path."""
        path = self._path(key) if key is not None else self.name or "the file"
        entry = self._entries.get(key) if key is not None else None
        node = entry.node if entry is not None else self.node
        self._at(node, f"{path} {text}", meant=meant, advice=advice, asides=asides)

    def complain_at(self, key: str, index: int, text: str, *, meant: str = "", advice: str = "") -> None:
        """Add a finding at one element of the list behind a key, introduced by the key's path."""
        node = self._entries[key].node.elements[index]
        self._at(node, f"{self._path(key)} {text}", meant=meant, advice=advice)

    def nearest(self, word: str, words: Collection[str]) -> str:
        """See `Findings.nearest`."""
        return self._findings.nearest(word, words)

    def finish(self, elsewhere: Mapping[str, str] = NOWHERE) -> None:
        """Turn every key that nobody asked for into a finding, with what may have been meant.

        `elsewhere`: keys that belong in another place, and what to say of that.
        """
        free = sorted(self._asked - self._entries.keys())
        for key, entry in self._entries.items():
            if key in self._asked:
                continue
            meant = "" if key in elsewhere else self._findings.nearest(key, free or sorted(self._asked))
            advice = "" if meant or not free else "what may still stand here: " + ", ".join(free)
            advice = elsewhere.get(key, advice)
            where = f" in {self.name}" if self.name else ""
            text = f"unknown key {shown(key)}{where}"
            self._findings.add(entry.position, text, meant=meant, advice=advice)

    def _at(
        self, node: Node, text: str, *, meant: str = "", advice: str = "", asides: tuple[Aside, ...] = ()
    ) -> None:
        self._findings.add(node.position, text, length=node.length, meant=meant, advice=advice, asides=asides)

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _value(self, key: str, *, required: bool) -> Node | None:
        self._asked.add(key)
        entry = self._entries.get(key)
        if entry is None:
            if required and self.node.kind is Kind.MAPPING:
                self._at(self.node, f"key {shown(key)} is missing{self._inside()}")
            return None
        if entry.node.kind is not Kind.NULL:
            return entry.node
        if entry.node.left_empty or required:
            self._findings.add(
                entry.position, f"{self._path(key)} has no value; give one or leave the key out"
            )
        return None

    def _inside(self) -> str:
        return f" in {self.name}" if self.name else ""

    def _text_of(
        self, node: Node, path: str, pattern: re.Pattern[str] | None, longest: int, advice: str
    ) -> str:
        if node.kind is not Kind.TEXT:
            quote = f'; put it in quotes: "{node.source}"' if 0 < len(node.source) <= 60 else ""
            self._at(node, f"{path} must be text, not a {node.kind}{quote}")
            return ""
        text = cast("str", node.value)
        if not text.strip():
            self._at(node, f"{path} is empty")
        elif len(text) > longest:
            self._at(node, f"{path} is longer than {longest} characters")
        elif pattern is not None and not pattern.fullmatch(text):
            self._at(node, f"{path} does not look right: {shown(text)}", advice=advice)
        return text

    def _wrong(
        self, node: Node, key: str, wanted: str, placeholder: T, *, meant: str = "", advice: str = ""
    ) -> T:
        self._at(node, f"{self._path(key)} must be {wanted}", meant=meant, advice=advice)
        return placeholder

    @staticmethod
    def _absent(default: T, *, placeholder: object) -> T:
        return cast("T", placeholder) if default is REQUIRED else default
