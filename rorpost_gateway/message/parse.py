"""The message as submitted: its fields, its body, its octets.

Invariant: the raw octets of `fields`, then (where there is a body) a blank line and
the body, are `octets`. Line ends are CRLF throughout. RFC 5322, section 2.1.
"""

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from rorpost_gateway.message.content_type import ContentType, read_content_type
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.message.header import Field, line_of, malformed, read_fields
from rorpost_gateway.message.line_ends import bare_line_ends, long_line

LINE_OCTETS = 65_536  # without the line end
# From is not here: the rule on authors sees them all.
_ONCE = frozenset({"sender", "to", "cc", "reply-to", "date", "subject", "message-id"})
_ONCE |= {"mime-version", "content-type", "content-transfer-encoding"}
_OURS = "x-rorpost-"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that was read. `header_end` is where its fields end in `octets`.

    `body_offset` is where its body begins: after the blank line, or at the end
    where there is none. `content_type` is None where the field is missing.
    """

    fields: tuple[Field, ...]
    header_end: int
    content_type: ContentType | None
    octets: bytes = field(repr=False)

    @property
    def body_offset(self) -> int:
        return min(self.header_end + 2, len(self.octets))

    @property
    def body(self) -> bytes:
        return self.octets[self.body_offset :]

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex, of the octets; taken once, however many copies are sealed."""
        return hashlib.sha256(self.octets).hexdigest()

    def named(self, name: str) -> tuple[Field, ...]:
        """The fields of that (lower-case) name, in order."""
        return tuple(each for each in self.fields if each.name == name)


def parse_message(octets: bytes) -> Message:
    """Read a message. Raises MessageMalformed for what cannot be read without guessing.

    That is: bare CR or LF (`close` is set), NUL, a line over
    65,536 octets, a header block over 256 KiB or of more than 2,000 fields, raw 8-bit or
    control octets in it, a line that is no field, a field twice that may stand once,
    a Content-Type that cannot be read.
    """
    _check_octets(octets)
    fields, header_end = read_fields(octets)
    _check_once(fields)
    return Message(fields=fields, header_end=header_end, content_type=_content_type(fields), octets=octets)


def without_private_fields(message: Message, keep: Collection[str] = ()) -> Message:
    """The message without those X-Rorpost-* fields that the client had no business to write.

    `keep` names the ones that are its business, in any case. HP-Outer goes too: only
    who seals may say what stands outside (RFC 9788, section 2.2).
    """
    kept_names = {name.lower() for name in keep}
    kept = tuple(each for each in message.fields if each.name in kept_names or not _is_private(each.name))
    if len(kept) == len(message.fields):
        return message
    header = b"".join(each.raw for each in kept)
    return Message(
        fields=kept,
        header_end=len(header),
        content_type=message.content_type,
        octets=header + message.octets[message.header_end :],
    )


def _is_private(name: str) -> bool:
    return name.startswith(_OURS) or name == "hp-outer"


def _check_octets(octets: bytes) -> None:
    if b"\0" in octets:
        raise malformed("NUL", line=octets.count(b"\n", 0, octets.index(b"\0")) + 1)
    if bare_line_ends(octets):
        raise malformed("bare CR or LF", close=True)
    start = long_line(octets, LINE_OCTETS)
    if start >= 0:
        raise malformed(f"over {LINE_OCTETS} octets long", line=octets.count(b"\n", 0, start) + 1)


def _check_once(fields: tuple[Field, ...]) -> None:
    counted = Counter(each.name for each in fields)
    for each in reversed(fields):
        if each.name in _ONCE and counted[each.name] > 1:
            raise malformed(f"field {each.name} twice", line=line_of(fields, each))


def _content_type(fields: tuple[Field, ...]) -> ContentType | None:
    for each in fields:
        if each.name == "content-type":
            try:
                return read_content_type(each.value)
            except Unreadable as unreadable:
                raise malformed(f"field content-type: {unreadable}", line=line_of(fields, each)) from None
    return None
