"""PGP/MIME: what goes under the seal, what stands around it, and the way back.

Pure: nothing here encrypts or decrypts. Outbound, `protect` makes the payload that is signed
and encrypted, `restore` is its exact inverse, `wrap` makes the outer message. Inbound,
`find_sealed` finds the block, `read_payload` says what counts of what it held,
`compare_outer` whether that agrees with the outside, `make_copy` what the reader gets.
RFC 3156 (PGP/MIME), RFC 9788 (header protection).
"""

from rorpost_gateway.pgpmime.agreement import compare_outer
from rorpost_gateway.pgpmime.outside import (
    Outer,
    OuterFields,
    header_fields_outside,
    new_message_id,
    read_outside,
)
from rorpost_gateway.pgpmime.protect import Added, content_sha256, protect
from rorpost_gateway.pgpmime.protected import Protected, Scheme, read_payload
from rorpost_gateway.pgpmime.reader import (
    CopyFailed,
    Verification,
    Verified,
    author_name,
    facts_as_delivered,
    make_copy,
    verified_status,
)
from rorpost_gateway.pgpmime.restore import Restored, RestoreFailed, restore
from rorpost_gateway.pgpmime.signed_inside import SignedInside
from rorpost_gateway.pgpmime.unwrap import Found, NotSealed, Shape, find_sealed
from rorpost_gateway.pgpmime.wrap import wrap

__all__ = [
    "Added",
    "CopyFailed",
    "Found",
    "NotSealed",
    "Outer",
    "OuterFields",
    "Protected",
    "RestoreFailed",
    "Restored",
    "Scheme",
    "Shape",
    "SignedInside",
    "Verification",
    "Verified",
    "author_name",
    "compare_outer",
    "content_sha256",
    "facts_as_delivered",
    "find_sealed",
    "header_fields_outside",
    "make_copy",
    "new_message_id",
    "protect",
    "read_outside",
    "read_payload",
    "restore",
    "verified_status",
    "wrap",
]
