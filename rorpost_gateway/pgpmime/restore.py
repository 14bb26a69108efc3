"""The way back: from an opened payload to the message as it was submitted.

The payload comes from a partner, signed or not: everything in it is checked, nothing
is guessed. Only the fields that were added count, and of X-Rorpost-Restore only the
first one, so that nothing in the message itself can steer this. The exact inverse of
`protect`: what it could not have made is refused.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rorpost_gateway.errors import GatewayError, MessageMalformed
from rorpost_gateway.message import Field, Message, parse_message
from rorpost_gateway.message.encoded_words import decode_words
from rorpost_gateway.message.header import HEADER_FIELDS, HEADER_OCTETS, read_fields
from rorpost_gateway.pgpmime.protect import RESTORE, protected_content_type

_ADDED_FIELDS = 32
PAYLOAD_HEADER_OCTETS = 3 * HEADER_OCTETS  # the original Content-Type stands in it twice, once in base64
PAYLOAD_HEADER_FIELDS = HEADER_FIELDS + _ADDED_FIELDS
_RESTORE = re.compile(
    r"v=1; added=(?P<added>[1-9][0-9]?); content-type=(?P<type>none|[A-Za-z0-9+/= ]++);"
    r" sha256=(?P<sha256>[0-9a-f]{64})"
)
_REPLACEABLE = {"date", "mime-version", "content-type"}


class RestoreFailed(GatewayError):
    """An opened payload that is not what this gateway's `protect` makes."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """The message as submitted, and what was added under the seal.

    `added` maps lower-case names to values, HP-Outer aside; `outside` maps the
    lower-case names that HP-Outer names to the values that should stand outside.
    """

    message: Message
    added: Mapping[str, str] = field(repr=False)
    outside: Mapping[str, str] = field(repr=False)
    sha256: str

    @property
    def octets(self) -> bytes:
        return self.message.octets


def restore(payload: bytes) -> Restored:
    """Undo `protect`. Raises RestoreFailed, and nothing else, for any other payload."""
    try:
        fields, header_end = read_fields(
            payload, most_octets=PAYLOAD_HEADER_OCTETS, most_fields=PAYLOAD_HEADER_FIELDS
        )
        count, original, sha256 = _instructions(fields)
        added, submitted = fields[:count], fields[count:]
        values, outside = _added_values(added, submitted)
        header = _submitted_header(submitted, original)
        octets = b"".join((header, memoryview(payload)[header_end:]))
        if hashlib.sha256(octets).hexdigest() != sha256:
            raise _failed("hash differs")
        message = parse_message(octets)
    except (MessageMalformed, ValueError) as error:
        raise _failed("payload cannot be read") from error
    if ("content-type" in values) != (original is None):
        raise _failed("the Content-Type is both added and original, or neither")
    return Restored(message=message, added=values, outside=outside, sha256=sha256)


def _instructions(fields: Sequence[Field]) -> tuple[int, bytes | None, str]:
    """Number of added fields, the original Content-Type field, the hash."""
    names = [each.name for each in fields[:_ADDED_FIELDS]]
    if RESTORE.lower() not in names:
        raise _failed(f"no {RESTORE}")
    count = names.index(RESTORE.lower()) + 1
    match = _RESTORE.fullmatch(fields[count - 1].value)
    if match is None or int(match["added"]) != count:
        raise _failed(f"{RESTORE} cannot be followed")
    if match["type"] == "none":
        return count, None, match["sha256"]
    encoded = match["type"].replace(" ", "").encode("ascii")
    original = b64decode(encoded, validate=True)
    if b64encode(original) != encoded:
        raise _failed(f"{RESTORE} in an odd base64")
    return count, original, match["sha256"]


def _added_values(
    added: Sequence[Field], submitted: Sequence[Field]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    present = {each.name for each in submitted}
    values: dict[str, str] = {}
    outside: dict[str, str] = {}
    for each in added:
        if each.name == "hp-outer":
            name, colon, value = each.value.partition(": ")
            if not colon or name.lower() in outside:
                raise _failed("HP-Outer cannot be read")
            outside[name.lower()] = value
            continue
        if each.name in values or (each.name in _REPLACEABLE and each.name in present):
            raise _failed("an added field twice")
        if each.name not in _REPLACEABLE and not each.name.startswith("x-rorpost-"):
            raise _failed("an added field that is none of ours")
        values[each.name] = decode_words(each.value) if each.name == "x-rorpost-channel" else each.value
    return values, outside


def _submitted_header(submitted: Sequence[Field], original: bytes | None) -> bytes:
    if original is None:
        return b"".join(each.raw for each in submitted)
    read, end = read_fields(original)
    if len(read) != 1 or end != len(original) or read[0].name != "content-type":
        raise _failed("original Content-Type is none")
    places = [index for index, each in enumerate(submitted) if each.name == "content-type"]
    if len(places) != 1 or submitted[places[0]].raw != protected_content_type(read[0]):
        raise _failed("Content-Type differs from the original")
    return b"".join(original if index == places[0] else each.raw for index, each in enumerate(submitted))


def _failed(what: str) -> RestoreFailed:
    return RestoreFailed("the opened message is not whole", private=what)
