"""multipart/signed under the encryption: the signed octets and their detached signature.

Apple Mail's and mutt's older way of signing and sealing. What was signed is the first
part with its header, with CRLF line ends, without the line end before the delimiter.
RFC 1847, section 2.1; RFC 3156, section 5.
"""

from dataclasses import dataclass, field

from rorpost_gateway.message import Message, Part, check_structure
from rorpost_gateway.message.header import malformed
from rorpost_gateway.message.transfer_encoding import decode_body
from rorpost_gateway.pgpmime.block import read_signature

SIGNATURE_OCTETS = 64 * 1024
_SIGNATURE = "application/pgp-signature"


@dataclass(frozen=True, kw_only=True)
class SignedInside:
    """What to verify. `signature` is one armoured block with CRLF line ends."""

    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read_signed_inside(root: Message) -> SignedInside | None:
    """The two parts of a payload that is multipart/signed by OpenPGP as a whole; None for any other.

    Raises MessageMalformed where it claims to be and is not exactly that;
    MessageTooComplex as `check_structure` does.
    """
    if root.content_type is None or root.content_type.kind != "multipart/signed":
        return None
    if root.content_type.parameters.get("protocol", "").lower() != _SIGNATURE:
        return None
    parts = [part for part in check_structure(root) if part.depth == 1]
    if len(parts) != 2 or parts[1].kind != _SIGNATURE:
        raise malformed("multipart/signed without exactly a signed part and a signature")
    signed, signature = parts
    return SignedInside(signed=root.octets[signed.start : signed.end], signature=_signature(root, signature))


def _signature(root: Message, part: Part) -> bytes:
    if part.end - part.body_offset > SIGNATURE_OCTETS:
        raise malformed("a detached signature that is too large")
    return read_signature(decode_body(root.octets[part.body_offset : part.end], part.encoding))
