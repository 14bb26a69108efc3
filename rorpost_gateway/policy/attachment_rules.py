"""What may be attached on a channel. Pure; what is attached was found out by `content`.

Always refused, where there are such rules at all: what is disguised. And, fail closed: what nobody has
looked at, and, unless the policy says otherwise, what cannot be looked into.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rorpost_gateway.facts import Attachment

KEYS = ("max_bytes", "max_total_bytes", "deny_types", "allow_types", "deny_extensions", "uninspectable")
UNSTATED = "application/octet-stream"  # as the type that a mail client states: it says nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachmentRules:
    """Sizes in octets, of what is attached to the message itself; everything else also concerns what is
    found inside. Types are `type/subtype` or `type/*`, lower case. None: not asked.
    """

    max_bytes: int | None = None
    max_total_bytes: int | None = None
    deny_types: tuple[str, ...] = ()
    allow_types: tuple[str, ...] | None = None
    deny_extensions: tuple[str, ...] = ()
    uninspectable_refused: bool = True

    def without(self, key: str) -> "AttachmentRules":
        """The same, with the key as it is where nobody says it; uninspectable: the other way round."""
        if key == "uninspectable":
            return replace(self, uninspectable_refused=not self.uninspectable_refused)
        anew: dict[str, Any] = {key: getattr(AttachmentRules(), key)}
        return replace(self, **anew)

    def broken_by(self, attachments: Sequence[Attachment]) -> str | None:
        """The key that refuses these, `disguised` where it is none of them; None where they may be sent."""
        for attachment in attachments:
            key = self._broken_by_one(attachment)
            if key is not None:
                return key
        total = sum(attachment.octets for attachment in attachments if not attachment.depth)
        if self.max_total_bytes is not None and total > self.max_total_bytes:
            return "max_total_bytes"
        return None

    def _broken_by_one(self, attachment: Attachment) -> str | None:
        if attachment.disguised:
            return "disguised"
        if self.max_bytes is not None and not attachment.depth and attachment.octets > self.max_bytes:
            return "max_bytes"
        if _is_one_of(attachment.kind, self.deny_types):
            return "deny_types"
        if attachment.declared != UNSTATED and _is_one_of(attachment.declared, self.deny_types):
            return "deny_types"
        if self.allow_types is not None and not _is_one_of(attachment.kind, self.allow_types):
            return "allow_types"
        last = attachment.endings or attachment.extensions[-1:]
        if not set(last).isdisjoint(self.deny_extensions):
            return "deny_extensions"
        if self.uninspectable_refused and not attachment.inspected:
            return "uninspectable"
        return None


def _is_one_of(kind: str, types: Sequence[str]) -> bool:
    return kind in types or f"{kind.partition('/')[0]}/*" in types
