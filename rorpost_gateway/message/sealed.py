"""Whether a message as a whole is encrypted already, by OpenPGP or S/MIME.

A body that merely quotes or mentions an OpenPGP block is not (a gateway that thought
so let plaintext out). Signed messages are not either. RFC 3156, section 4; RFC 8551,
section 3.2.2; and the multipart/mixed that Exchange makes of multipart/encrypted.
"""

import re

from rorpost_gateway.message.mime import Part, children, root
from rorpost_gateway.message.parse import Message

_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_SMIME_OPEN = {"signed-data", "certs-only", "compressed-data"}
_BEGIN = b"-----BEGIN PGP MESSAGE-----"


def _armour(kind: bytes) -> re.Pattern[bytes]:
    return re.compile(
        rb"[ \t\r\n]*+-----BEGIN PGP %b-----[ \t]*+\r\n(?>(?:[A-Za-z]++: [^\r\n]*+\r\n)*)"
        rb"(?P<text>[A-Za-z0-9+/= \t\r\n]++)-----END PGP %b-----[ \t\r\n]*+" % (kind, kind)
    )


_ARMOURED = _armour(b"MESSAGE")
_SIGNATURE = _armour(b"SIGNATURE")


def is_sealed(message: Message) -> bool:
    """Whether nothing of the message's content is in clear."""
    return _is_sealed(message, root(message), wrapped=False)


def message_text(octets: bytes) -> bytes | None:
    """The base64 text, checksum and line ends included, of exactly one armoured OpenPGP message.

    Header lines (`Version:`, `Comment:`) are left out. Line ends must be CRLF. None where
    there is anything before or after it.
    """
    match = _ARMOURED.fullmatch(octets)
    return match["text"] if match else None


def signature_text(octets: bytes) -> bytes | None:
    """The same of exactly one armoured detached signature."""
    match = _SIGNATURE.fullmatch(octets)
    return match["text"] if match else None


def _is_sealed(message: Message, part: Part, *, wrapped: bool) -> bool:
    kind = part.kind
    if kind in {"multipart/encrypted", "application/pgp-encrypted"}:
        return True
    if kind in _SMIME and part.content_type is not None:
        return part.content_type.parameters.get("smime-type", "").lower() not in _SMIME_OPEN
    if kind == "text/plain":
        return _is_armoured(message, part)
    if kind == "multipart/mixed" and not wrapped:
        return _is_sealed_wrapper(message, part)
    return False


def _is_sealed_wrapper(message: Message, part: Part) -> bool:
    # Lazily: an ordinary message shows itself by its first part, and its attachments are not searched.
    filled = (each for each in children(message, part) if not _is_empty_text(message, each))
    first = next(filled, None)
    if first is None:
        return False
    if first.kind == "application/pgp-encrypted":
        data = next(filled, None)
        return data is not None and _is_data(message, data) and next(filled, None) is None
    return _is_sealed(message, first, wrapped=True) and next(filled, None) is None


def _is_data(message: Message, part: Part) -> bool:
    return part.kind == "application/octet-stream" and (
        part.encoding == "base64" or _is_armoured(message, part)
    )


def _is_empty_text(message: Message, part: Part) -> bool:
    if part.kind not in {"text/plain", "text/html"} or part.end - part.body_offset > 1000:
        return False
    return not message.octets[part.body_offset : part.end].strip()


def _is_armoured(message: Message, part: Part) -> bool:
    octets, start = message.octets, part.body_offset
    if octets.find(_BEGIN, start, min(part.end, start + 1000)) < 0:
        return False
    return _ARMOURED.fullmatch(octets, start, part.end) is not None
