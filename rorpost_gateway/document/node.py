"""Nodes: data as it stood in a file, each with its place. Frozen, no I/O."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from rorpost_gateway.decision import Position
from rorpost_gateway.document.findings import REST, WORD

Scalar = str | int | float | bool | date | None


class Kind(StrEnum):
    """What a node is; the words are those a finding uses."""

    MAPPING = "mapping"
    SEQUENCE = "list"
    TEXT = "text"
    INTEGER = "whole number"
    FLOAT = "number"
    BOOLEAN = "true or false"
    DATE = "date"
    NULL = "nothing"


class Node(NamedTuple):
    """One value. A named tuple, since a large policy has a million of them.

    `value` is the Python value of a scalar, the entries of a mapping in file order,
    or the nodes of a sequence. `source` is a scalar as it was written, `quoted`
    whether it stood in quotes (or was a block scalar), and thus is text for sure.
    """

    kind: Kind
    value: "Scalar | tuple[Entry, ...] | tuple[Node, ...]"
    file: str
    line: int
    column: int
    source: str = ""
    quoted: bool = False

    @property
    def position(self) -> Position:
        return Position(file=self.file, line=self.line, column=self.column)

    @property
    def length(self) -> int:
        """How many characters a finding about this value is about; see `findings.WORD` and `REST`."""
        if self.kind is Kind.MAPPING or self.kind is Kind.SEQUENCE:
            return REST
        return WORD if self.quoted else len(self.source)

    @property
    def entries(self) -> "tuple[Entry, ...]":
        """A mapping's entries in file order; nothing for another kind."""
        return self.value if self.kind is Kind.MAPPING else ()  # type: ignore[return-value]

    @property
    def elements(self) -> "tuple[Node, ...]":
        """A sequence's nodes; nothing for another kind."""
        return self.value if self.kind is Kind.SEQUENCE else ()  # type: ignore[return-value]

    @property
    def left_empty(self) -> bool:
        """Whether nothing at all was written: `key:` rather than `key: null`."""
        return self.kind is Kind.NULL and not self.source


class Entry(NamedTuple):
    """One `key: value` of a mapping, and where the key stands."""

    key: str
    line: int
    column: int
    node: Node

    @property
    def position(self) -> Position:
        return Position(file=self.node.file, line=self.line, column=self.column)


Plain = Mapping[str, "Plain"] | list["Plain"] | str | int | float | bool | None


def plain(node: Node) -> Plain:
    """The node as JSON has it: dict, list, str, int, float, bool or None; dates as ISO text."""
    if node.kind is Kind.MAPPING:
        return {entry.key: plain(entry.node) for entry in node.entries}
    if node.kind is Kind.SEQUENCE:
        return [plain(element) for element in node.elements]
    if isinstance(node.value, date):
        return node.value.isoformat()
    return node.value  # type: ignore[return-value]
