"""The payload: the message under the seal, with what is added to it.

Added fields first, ending with X-Rorpost-Restore; then the submitted fields as they
are, only the Content-Type in its place with the protection parameters added; then
the body byte for byte. So `restore` needs to know three things: how many fields were
added, the original Content-Type, and the hash of the whole.

RFC 9788, sections 2.1 (hp) and 2.2 (HP-Outer). `protected-headers="v1"` is for older clients.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import AddressMalformed, SealingFailed
from rorpost_gateway.message import Field, Message
from rorpost_gateway.message.content_type import read_content_type
from rorpost_gateway.message.encoded_words import encode_words
from rorpost_gateway.pgpmime.outside import Outer, header_fields_outside

RESTORE = "X-Rorpost-Restore"
PROTECTION = ';\r\n hp="cipher"; protected-headers="v1"'
SALT_OCTETS = 16
_PROTECTION_NAMES = ("hp", "protected-headers")
_BASE64_COLUMNS = 76


@dataclass(frozen=True, kw_only=True)
class Added:
    """What the gateway says of a message under the seal. Raises SealingFailed if it cannot be said."""

    sending_user: str | None
    channel: str
    salt: bytes = field(repr=False)  # 16 random octets
    outer: Outer

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_OCTETS:
            raise SealingFailed("sealing failed", private="salt of another length")
        try:
            parse_address(self.sending_user or "none@invalid")
        except AddressMalformed:
            raise SealingFailed("sealing failed", private="sending user malformed") from None


def content_sha256(salt: bytes, message: Message) -> str:
    """Lower-case hex SHA-256 of the salt and the message as submitted, for the decision log."""
    hashed = hashlib.sha256(salt)
    hashed.update(message.octets)
    return hashed.hexdigest()


def protect(message: Message, added: Added) -> bytes:
    """The octets to sign and encrypt. `message` is the one `without_private_fields`.

    Raises SealingFailed.
    """
    original = next(iter(message.named("content-type")), None)
    lines = _added_lines(message, added)
    restore = _restore_line(count=len(lines) + 1, original=original, sha256=message.sha256)
    header = b"".join(
        protected_content_type(each) if each is original else each.raw for each in message.fields
    )
    added_header = "".join(f"{line}\r\n" for line in [*lines, restore]).encode("ascii")
    return b"".join((added_header, header, memoryview(message.octets)[message.header_end :]))


def protected_content_type(original: Field) -> bytes:
    """The Content-Type field with the protection parameters, replacing any it has, and its own line end."""
    text = original.raw.decode("ascii")
    name, _, value = text.partition(":")
    value = value.removesuffix("\r\n")
    spans = read_content_type(value).spans
    replaced = (span for each, span in spans.items() if each.partition("*")[0] in _PROTECTION_NAMES)
    for start, end in sorted(replaced, reverse=True):
        value = value[:start] + value[end:]
    value = value.rstrip(" \t;\r\n")
    line_end = "\r\n" if text.endswith("\r\n") else ""
    return f"{name}:{value}{PROTECTION}{line_end}".encode("ascii")


def _added_lines(message: Message, added: Added) -> list[str]:
    outer = added.outer
    present = {each.name for each in message.fields}
    outside = header_fields_outside(outer)
    lines = [
        f"X-Rorpost-Channel: {encode_words(added.channel)}",
        f"X-Rorpost-Queue-Id: {outer.queue_id}",
        f"X-Rorpost-Salt: {added.salt.hex()}",
    ]
    if added.sending_user is not None:
        lines.insert(0, f"X-Rorpost-Sending-User: {added.sending_user}")
    if "date" not in present:
        lines.append(f"Date: {dict(outside)['Date']}")
    if "mime-version" not in present:
        lines.append("MIME-Version: 1.0")
    if "content-type" not in present:
        lines.append(f"Content-Type: text/plain{PROTECTION}")
    lines.extend(f"HP-Outer: {name}: {value}" for name, value in outside)
    return lines


def _restore_line(*, count: int, original: Field | None, sha256: str) -> str:
    if original is None:
        content_type = "none"
    else:
        encoded = b64encode(original.raw).decode("ascii")
        starts = range(0, len(encoded), _BASE64_COLUMNS)
        content_type = "".join(f"\r\n {encoded[start : start + _BASE64_COLUMNS]}" for start in starts)
    return f"{RESTORE}: v=1; added={count}; content-type={content_type};\r\n sha256={sha256}"
