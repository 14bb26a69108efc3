"""What schemas are put together from. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from rorpost_gateway.document.section import LONGEST_TEXT

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Somewhat wider than the reader's grammars, which no single pattern holds.
_FUNCTION_MAILBOX = (
    r"^[Rr][Oo][Rr][Pp][Oo][Ss][Tt]\.[A-Za-z0-9]+([.-][A-Za-z0-9]+)*"
    r"@[A-Za-z0-9]+(-+[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-+[A-Za-z0-9]+)*)*$"
)
_ADDRESS = r"^[\x20-\x7e]+@[A-Za-z0-9]+([.-]+[A-Za-z0-9]+)*$"
_NOT_BLANK = r"\S"


def pattern_of(expression: re.Pattern[str]) -> str:
    """The same for JSON Schema (ECMA-262), whose expressions match a part of a text and know no flags."""
    written = expression.pattern
    if expression.flags & re.IGNORECASE:
        written = written.replace("a-z", "A-Za-z")
    return f"^(?:{written})$"


def text(description: str, *, pattern: re.Pattern[str] | None = None, longest: int = LONGEST_TEXT) -> Schema:
    """Text that is not blank."""
    matched = pattern_of(pattern) if pattern is not None else _NOT_BLANK
    return {"description": description, "type": "string", "maxLength": longest, "pattern": matched}


def mailbox(description: str) -> Schema:
    """A function mailbox by its address."""
    return {"description": description, "type": "string", "pattern": _FUNCTION_MAILBOX}


def person(description: str) -> Schema:
    """The mail address of a person."""
    return {"description": description, "type": "string", "pattern": _ADDRESS}


def day(description: str) -> Schema:
    """Editors that follow YAML 1.2 take `2026-12-31` for text; in quotes the reader refuses it."""
    return {
        "description": f"{description} Without quotes: 2026-12-31.",
        "type": "string",
        "format": "date",
        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    }


def one_of(description: str, values: Mapping[str, str] | tuple[str, ...], *, default: str = "") -> Schema:
    """One of a few words."""
    schema: Schema = {"description": description, "enum": list(values)}
    return schema | ({"default": default} if default else {})


def list_of(description: str, element: Schema, *, least: int = 0, most: int | None = None) -> Schema:
    """A list, nothing in it twice."""
    schema: Schema = {
        "description": description,
        "type": "array",
        "items": element,
        "uniqueItems": True,
    }
    if least:
        schema["minItems"] = least
    return schema if most is None else schema | {"maxItems": most}


def mapping(description: str, properties: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """A mapping with these keys and no other."""
    schema: Schema = {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
    }
    return schema | ({"required": list(required)} if required else {})


def by_mailbox(description: str, value: Schema) -> Schema:
    """A mapping whose keys are function mailboxes."""
    return {
        "description": description,
        "type": "object",
        "propertyNames": {"pattern": _FUNCTION_MAILBOX},
        "additionalProperties": value,
    }


def document(title: str, name: str, schema: Schema) -> Schema:
    """A schema as it stands in a file of its own."""
    return {"$schema": DIALECT, "$id": f"urn:rorpost:{name}", "title": title} | schema
