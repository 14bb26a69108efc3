"""A case as it is written down: one question to the policy, and the wanted answer. Frozen, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rorpost_gateway.decision import Direction, Position, Reason

ACCEPT = "accept"
WANTED = (ACCEPT, *(reason.value for reason in Reason if reason is not Reason.OK))


@dataclass(frozen=True, kw_only=True)
class CaseAttachment:
    """An attachment: `kind` is the type that its part states, `content` its octets as they are."""

    name: str | None
    kind: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CaseMessage:
    """The message of a case. `fields` are further header fields; one that is named here replaces
    what would have been written (`From`, `To`, ...), and an empty list leaves it out.

    Without `text` and `html` there is a word of text.
    """

    subject: str = "Case"
    importance: str | None = None
    legal_basis: str | None = None
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str | None = None
    html: str | None = None
    attachments: tuple[CaseAttachment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CaseSignature:
    """What a partner's message was signed with.

    `by` is a primary fingerprint (upper-case hex), None for the one that the policy would accept;
    `at` is aware, None for the moment it comes. `protected`: the header fields stand under it.
    """

    by: str | None = None
    at: datetime | None = None
    protected: bool = True


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question and the wanted answer (`accept` or a reason code)."""

    name: str
    sender: str
    recipient: str
    user: str | None
    login: str | None
    aliases: frozenset[str]
    at: datetime | None
    direction: Direction
    message: CaseMessage
    keys: Mapping[str, Reason | None]
    want: str
    position: Position
    signature: CaseSignature | None = None  # None: of a partner's message the envelope only
