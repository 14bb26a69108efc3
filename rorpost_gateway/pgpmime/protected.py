"""What an opened payload says, and which of it is protected by the signature.

The payload is a MIME entity that a partner signed. Which header fields count:

- `X-Rorpost-Restore` in its header: it was made by `protect`, and must be restorable.
  The fields are those of the restored message, with the added ones over them.
- The OpenPGP message carried no signature of its own (`signed` is False) and the payload
  is multipart/signed: those of the signed part. Nothing else of the payload counts or is
  delivered; around the part an attacker can put what he likes and encrypt it again.
- The OpenPGP message was signed: those of the payload itself; of the part inside a
  multipart/signed, where only that part declares protection.

They count as protected where the entity declares it: `hp="cipher"` or `hp="clear"`
(RFC 9788, section 2.1), or the older `protected-headers="v1"`, and where From and To or Cc
are there, and Date: Thunderbird and mutt leave the last out under "v1", and then there is
no protected date but that of the signature. Otherwise `protected` is False, whatever
fields there are: policy decides (`unprotected_headers`).

Line ends: clients that sign text let gpg hand out LF. A payload with LF throughout is read
with CRLF, and says so; mixed ones are refused.

Copies of the header fields in the body for the eyes of older clients (`hp-legacy-display`;
a `text/rfc822-headers` part) are recognised, and left as they are: content, never fields.

RFC 9788, sections 2.1 (hp, hp-legacy-display) and 2.2 (HP-Outer); RFC 3156, section 6;
draft-autocrypt-lamps-protected-headers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import Message, Part, check_structure, parse_message, read_facts
from rorpost_gateway.message.date_time import read_date
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.message.header import malformed, read_fields
from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.pgpmime.protect import RESTORE
from rorpost_gateway.pgpmime.restore import (
    PAYLOAD_HEADER_FIELDS,
    PAYLOAD_HEADER_OCTETS,
    Restored,
    restore,
)
from rorpost_gateway.pgpmime.signed_inside import SignedInside, read_signed_inside


class Scheme(StrEnum):
    """How an entity declares that its header fields are protected."""

    HP_CIPHER = "hp-cipher"
    HP_CLEAR = "hp-clear"
    LEGACY = "protected-headers-v1"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Protected:
    """What counts of an opened payload.

    `entity` is the message that the fields stand in and that is delivered. `facts` are
    read from it; of this gateway's own messages, the added fields stand over the
    submitted ones there. `added` maps lower-case names to values, and is empty for
    other partners' messages. `outside` maps lower-case names to what HP-Outer says of them.
    `signed_inside` is set where a detached signature is all there is: whoever uses this
    must verify it. With neither that nor a signature of the OpenPGP message, nothing of this may be used.

    `covered` are the octets that the signature covers, with CRLF line ends: what a replay
    guard has to hash. Around a part signed inside anybody can change octets and seal it
    anew, and a signature of text covers its words whatever its line ends are.
    """

    entity: Message
    facts: MessageFacts
    scheme: Scheme
    outside: Mapping[str, tuple[str, ...]] = field(repr=False)
    covered: bytes = field(repr=False)
    added: Mapping[str, str] = field(default_factory=dict, repr=False)
    restored: Restored | None = None
    signed_inside: SignedInside | None = None
    line_feeds: bool = False
    legacy_display: bool = False

    @property
    def protected(self) -> bool:
        """Whether author, recipients and date are under the signature."""
        if self.restored is not None:
            return True
        facts = self.facts
        if self.scheme is Scheme.NONE or not facts.authors or not (facts.to or facts.cc):
            return False
        return facts.date is not None or self.scheme is Scheme.LEGACY


def read_payload(payload: bytes, *, signed: bool) -> Protected:
    """Read an opened payload. `signed` says whether the OpenPGP message itself carried a signature.

    Raises MessageMalformed (its `close` is never set), MessageTooComplex, and
    RestoreFailed for a message of this gateway's that is broken.
    """
    octets = with_crlf(payload)
    line_feeds = octets is not payload
    fields, _ = read_fields(octets, most_octets=PAYLOAD_HEADER_OCTETS, most_fields=PAYLOAD_HEADER_FIELDS)
    if any(each.name == RESTORE.lower() for each in fields):
        return _ours(restore(octets), covered=octets, line_feeds=line_feeds)
    entity, inside = _entity(parse_message(octets), signed=signed)
    parts = check_structure(entity)
    return Protected(
        entity=entity,
        facts=_facts(entity),
        scheme=_scheme(entity),
        outside=_outside(entity),
        covered=octets if inside is None else inside.signed,
        signed_inside=inside,
        line_feeds=line_feeds,
        legacy_display=any(_is_legacy_display(part) for part in parts),
    )


def _ours(restored: Restored, *, covered: bytes, line_feeds: bool) -> Protected:
    check_structure(restored.message)
    return Protected(
        entity=restored.message,
        facts=_with_added(_facts(restored.message), restored.added),
        scheme=Scheme.HP_CIPHER,
        outside={name: (value,) for name, value in restored.outside.items()},
        covered=covered,
        added=restored.added,
        restored=restored,
        line_feeds=line_feeds,
    )


def _entity(root: Message, *, signed: bool) -> tuple[Message, SignedInside | None]:
    """The message that counts, and the detached signature it depends on."""
    if signed and _scheme(root) is not Scheme.NONE:
        return root, None
    inside = read_signed_inside(root)
    if inside is None:
        return root, None
    part = parse_message(inside.signed)
    if not signed:
        return part, inside
    return (root if _scheme(part) is Scheme.NONE else part), None


def _facts(entity: Message) -> MessageFacts:
    # No Received field inside was written by a host on this message's way.
    return replace(read_facts(entity, hostname="invalid"), received_here=False)


def _with_added(facts: MessageFacts, added: Mapping[str, str]) -> MessageFacts:
    """What the sending gateway says goes before what the client wrote under the same name."""
    said = {name: (value,) for name, value in added.items() if name.startswith("x-rorpost-")}
    try:
        date = facts.date or read_date(added.get("date", ""))
    except Unreadable:
        raise malformed("added field date: not a date") from None
    return replace(facts, date=date, fields={**facts.fields, **said})


def _scheme(entity: Message) -> Scheme:
    parameters: Mapping[str, str] = entity.content_type.parameters if entity.content_type else {}
    hp = parameters.get("hp", "").lower()
    if hp in {"cipher", "clear"}:
        return Scheme.HP_CIPHER if hp == "cipher" else Scheme.HP_CLEAR
    return Scheme.LEGACY if parameters.get("protected-headers", "").lower() == "v1" else Scheme.NONE


def _outside(entity: Message) -> Mapping[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    for each in entity.named("hp-outer"):
        name, _, value = each.value.partition(":")
        key = name.strip(" \t").lower()
        named[key] = (*named.get(key, ()), value.strip(" \t"))
    return named


def _is_legacy_display(part: Part) -> bool:
    if part.content_type is None:
        return False
    parameters = part.content_type.parameters
    return part.kind == "text/rfc822-headers" or parameters.get("hp-legacy-display") == "1"
