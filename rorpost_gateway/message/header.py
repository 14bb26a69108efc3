"""The header block: fields with their exact octets.

A header block is fields, each a name, a colon and printable ASCII, folded at
white space; nothing else is taken. RFC 5322, section 2.2; of its obsolete forms
(section 4) none: white space before the colon, continuation lines of white space
only (some readers end the header there), control characters.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rorpost_gateway.errors import MessageMalformed

HEADER_OCTETS = 256 * 1024
HEADER_FIELDS = 2000

_FIELD = re.compile(rb"([!-9;-~]++):[\t -~]*+(?>(?:\r\n[\t ]++[!-~][\t -~]*+)*)(?:\r\n|\Z)")
_LINE = re.compile(rb"[^\r\n]*+")
_NAME = re.compile(rb"([!-9;-~]++):")
# What an operator is told of by name. Any other name is the client's own words, and so content.
_NAMED = frozenset({"from", "sender", "to", "cc", "bcc", "reply-to", "date", "subject", "message-id"})
_NAMED |= {"in-reply-to", "references", "received", "mime-version", "content-type", "thread-topic"}
_NAMED |= {"content-transfer-encoding", "content-disposition", "comments", "keywords", "user-agent"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One header field. `name` is lower case; `raw` is the whole field with its line ends."""

    name: str
    raw: bytes = field(repr=False)

    @property
    def value(self) -> str:
        """What follows the colon, unfolded (RFC 5322, section 2.2.3), without white space around it."""
        return self.raw[len(self.name) + 1 :].replace(b"\r\n", b"").decode("ascii").strip(" \t")


def malformed(what: str, *, line: int | None = None, close: bool = False) -> MessageMalformed:
    """The refusal. `what` names a kind of fault or a field, never a value."""
    where = "" if line is None else f", line {line}"
    return MessageMalformed("the message cannot be read", private=f"{what}{where}", close=close)


def read_fields(
    octets: bytes, *, most_octets: int = HEADER_OCTETS, most_fields: int = HEADER_FIELDS
) -> tuple[tuple[Field, ...], int]:
    """Read the fields up to the blank line or the end of `octets`.

    Returns them with the offset at which they end. Raises MessageMalformed.
    """
    if octets.find(b"\r\n\r\n", 0, most_octets + 4) < 0 and len(octets) > most_octets:
        raise malformed(f"header block over {most_octets} octets")
    fields: list[Field] = []
    position = 0
    while position < len(octets) and not octets.startswith(b"\r\n", position):
        match = _FIELD.match(octets, position)
        if match is None:
            raise malformed(_fault(octets, position), line=octets.count(b"\n", 0, position) + 1)
        fields.append(Field(name=match[1].decode("ascii").lower(), raw=match[0]))
        if len(fields) > most_fields:
            raise malformed(f"more than {most_fields} header fields")
        position = match.end()
    return tuple(fields), position


def line_of(fields: Iterable[Field], wanted: Field) -> int:
    """The line, from 1, on which the field `wanted` begins."""
    line = 1
    for each in fields:
        if each is wanted:
            break
        line += each.raw.count(b"\n")
    return line


def _fault(octets: bytes, position: int) -> str:
    match = _LINE.match(octets, position)
    line = match[0] if match else b""
    if not line.strip(b" \t"):
        return "header line of white space only"
    if line[:1] in b" \t":
        return "continuation line that continues nothing"
    name = _NAME.match(line)
    if name is None:
        return "neither a header field nor a continuation, or no blank line before the body"
    # Where the blank line before the body is missing, a field name may be a line of the body.
    known = name[1].decode("ascii").lower()
    return f"octets other than printable ASCII in field {known if known in _NAMED else '(not named here)'}"
