"""Reading `attachments`, of the policy's own rules and of a channel's: what a channel leaves out is
as in the policy's own.
"""

import re
from dataclasses import replace
from typing import Any

from rorpost_gateway.content import canonical_type
from rorpost_gateway.decision import Position
from rorpost_gateway.document import Kind, Section, shown
from rorpost_gateway.policy.attachment_rules import KEYS, AttachmentRules

ANYTHING = "allow"
MOST_BYTES = 2**40
TYPE_CHARACTERS = 127

TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)", re.IGNORECASE)
EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,20}")


def read_attachment_rules(
    section: Section, defaults: AttachmentRules | None, positions: dict[str, Position]
) -> AttachmentRules | None:
    """What `section` says under `attachments`, over `defaults`. None: anything may be attached.

    Where each key stands is added to `positions`, as `attachments.max_bytes`.
    """
    node = section.value("attachments", None)
    if node is None:
        return defaults
    positions["attachments"] = section.position("attachments")
    if node.kind is Kind.TEXT and node.value == ANYTHING:
        return None
    if node.kind is not Kind.MAPPING:
        section.complain(
            "attachments",
            "must be a mapping (max_bytes: 10485760), or the word allow: anything may be attached",
        )
        return defaults
    inner = section.section("attachments")
    if inner is None:
        return defaults
    changes = _changes(inner)
    for key in KEYS:
        if inner.has(key):
            positions[f"attachments.{key}"] = inner.position(key)
    inner.finish()
    return replace(defaults or AttachmentRules(), **changes)


def _changes(section: Section) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for key in ("max_bytes", "max_total_bytes"):
        most = section.integer(key, None, most=MOST_BYTES)
        if most is not None:
            changes[key] = most
    for key in ("deny_types", "allow_types"):
        types = section.texts(key, None, longest=TYPE_CHARACTERS)
        if types is not None:
            changes[key] = _types(section, key, types)
    extensions = section.texts("deny_extensions", None)
    if extensions is not None:
        changes["deny_extensions"] = _extensions(section, extensions)
    word = section.choice("uninspectable", ("reject", "allow"), None)
    if word:
        changes["uninspectable_refused"] = word == "reject"
    return changes


def _types(section: Section, key: str, written: list[str]) -> tuple[str, ...]:
    for index, text in enumerate(written):
        if text and not TYPE.fullmatch(text):
            section.complain_at(
                key,
                index,
                f"holds {shown(text)}; a type is written application/pdf, or image/* for all images",
            )
    return tuple(dict.fromkeys(canonical_type(text) for text in written))


def _extensions(section: Section, written: list[str]) -> tuple[str, ...]:
    for index, text in enumerate(written):
        if text and not EXTENSION.fullmatch(text):
            bare = text.lstrip("*.")
            section.complain_at(
                "deny_extensions",
                index,
                f"holds {shown(text)}, which is no extension",
                meant=bare if EXTENSION.fullmatch(bare) else "",
                advice="write it without the dot and without *: exe",
            )
    return tuple(dict.fromkeys(text.lower() for text in written))
