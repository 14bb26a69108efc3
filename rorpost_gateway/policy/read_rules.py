"""Reading `rules`: the policy's own, and what a channel says otherwise."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rorpost_gateway.decision import Position
from rorpost_gateway.document import Findings, Kind, Node, Section, shown
from rorpost_gateway.policy.model import Rules, Source
from rorpost_gateway.policy.read_attachments import read_attachment_rules

BASIS_CHARACTERS = 100
AUTHORISATION_MOST_DAYS = 3660

FIELD_NAME = re.compile(r"[Xx]-[A-Za-z0-9-]{1,70}")
A_FIELD = "it begins with X-, and has letters, digits and hyphens only: X-Rorpost-Sending-User"
BASIS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/-]*[A-Za-z0-9])?")
REFUSED_OR_NOT = {
    "identity_number_in_subject": "identity_number_refused",
    "identity_number_in_attachment_names": "identity_number_in_names_refused",
    "outside_quotes": "outside_quotes_refused",
    "urgent": "urgent_refused",
    "unprotected_headers": "unprotected_headers_refused",
}
CHANNEL_RULES = (*REFUSED_OR_NOT, "recipients_in_header", "legal_basis", "declared_user", "attachments")


def read_policy_rules(node: Node | None, findings: Findings) -> Rules:
    """The rules of the whole policy; the built-in ones, where it has none."""
    if node is None:
        return Rules()
    section = Section(node, findings, name="rules")
    rules = _read_rules(section, Rules())
    max_days = section.integer(
        "authorisation_max_days", rules.authorisation_max_days, least=1, most=AUTHORISATION_MOST_DAYS
    )
    section.finish()
    return replace(rules, authorisation_max_days=max_days)


def read_channel_rules(section: Section, defaults: Rules) -> Rules:
    """What a channel says for itself, over the policy's own."""
    rules = _read_rules(section, defaults)
    if section.has("authorisation_max_days"):
        section.value("authorisation_max_days")
        section.complain(
            "authorisation_max_days", "concerns mailboxes, not channels; it belongs in the policy's own rules"
        )
    section.finish()
    return rules


def _read_rules(section: Section, defaults: Rules) -> Rules:
    changes: dict[str, Any] = {}
    positions = dict(defaults.positions)
    for key, name in REFUSED_OR_NOT.items():
        word = section.choice(key, ("reject", "allow"), None)
        if word:
            changes[name] = word == "reject"
            positions[key] = section.position(key)
    word = section.choice("recipients_in_header", ("require", "allow"), None)
    if word:
        changes["recipients_in_header"] = word == "require"
        positions["recipients_in_header"] = section.position("recipients_in_header")
    if section.has("legal_basis"):
        changes["legal_basis"] = _read_legal_basis(section)
        positions["legal_basis"] = section.position("legal_basis")
    changes |= _read_declared_user(section, positions)
    changes["attachments"] = read_attachment_rules(section, defaults.attachments, positions)
    return replace(defaults, positions=positions, **changes)


def _read_declared_user(section: Section, positions: dict[str, Position]) -> Mapping[str, Any]:
    declared = section.section("declared_user")
    if declared is None:
        return {}
    changes: dict[str, Any] = {}
    written = declared.texts("sources", None)
    if written is not None:
        changes["sources"] = _read_sources(declared, written)
    header = declared.text("header", None, pattern=FIELD_NAME, advice=A_FIELD)
    if header is not None:
        changes["header"] = header
    inbound = declared.choice("inbound", ("require", "optional"), None)
    if inbound:
        changes["inbound_user_required"] = inbound == "require"
    for key in ("sources", "header", "inbound"):
        if declared.has(key):
            positions[f"declared_user.{key}"] = declared.position(key)
    declared.finish()
    return changes


def _read_sources(declared: Section, written: list[str]) -> tuple[Source, ...]:
    known = [text for text in written if text in set(Source)]
    wanted = "must name each of these at most once: " + ", ".join(Source)
    for index, text in enumerate(written):
        if text and (text not in known or text in written[:index]):
            meant = "" if text in known else declared.nearest(text, list(Source))
            declared.complain_at("sources", index, wanted, meant=meant)
    if not written:
        declared.complain("sources", "must name at least one of: " + ", ".join(Source))
    return tuple(Source(text) for text in dict.fromkeys(known))


def _read_legal_basis(section: Section) -> tuple[str, ...] | None:
    """A closed list of values, or None for `off`. A value travels in a header field: ASCII."""
    node = section.value("legal_basis")
    if node.kind is Kind.TEXT and node.value == "off":
        return None
    if node.kind is not Kind.SEQUENCE or not node.elements:
        section.complain("legal_basis", "must be off, or a list of the values that may be stated")
        return None
    values = section.texts("legal_basis", longest=BASIS_CHARACTERS)
    for index, value in enumerate(values):
        if value and not BASIS.fullmatch(value):
            section.complain_at(
                "legal_basis",
                index,
                f"holds {shown(value)}; a header field takes letters a-z, digits, blanks and . _ / - only",
            )
    if len({value.casefold() for value in values}) != len(values):
        section.complain("legal_basis", "names a value twice")
    return tuple(values)
