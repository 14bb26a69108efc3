"""Strict YAML for configuration and policy: data with positions, and findings instead of guesses.

What is read is a small part of YAML 1.2's core schema. There are no tags, anchors,
aliases, merge keys or directives; a key that stands twice is an error; `yes`, `off`,
`012` and `08:30` are text; a quoted value is always text. PyYAML is imported in this room only.
"""

from rorpost_gateway.document.findings import (
    REST,
    WORD,
    Aside,
    DocumentInvalid,
    Finding,
    Findings,
    shown,
)
from rorpost_gateway.document.node import Entry, Kind, Node, plain
from rorpost_gateway.document.reader import parse_file, parse_text
from rorpost_gateway.document.section import Section

__all__ = [
    "REST",
    "WORD",
    "Aside",
    "DocumentInvalid",
    "Entry",
    "Finding",
    "Findings",
    "Kind",
    "Node",
    "Section",
    "parse_file",
    "parse_text",
    "plain",
    "shown",
]
