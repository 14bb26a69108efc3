"""PGP/MIME: what goes under the seal, what stands around it, and the way back.

Pure: nothing here encrypts. `protect` makes the payload that is signed and
encrypted, `restore` is its exact inverse, `wrap` makes the outer message.
RFC 3156 (PGP/MIME), RFC 9788 (header protection).
"""

from rorpost_gateway.pgpmime.outside import (
    Outer,
    OuterFields,
    header_fields_outside,
    new_message_id,
    read_outside,
)
from rorpost_gateway.pgpmime.protect import Added, content_sha256, protect
from rorpost_gateway.pgpmime.restore import Restored, RestoreFailed, restore
from rorpost_gateway.pgpmime.wrap import wrap

__all__ = [
    "Added",
    "Outer",
    "OuterFields",
    "RestoreFailed",
    "Restored",
    "content_sha256",
    "header_fields_outside",
    "new_message_id",
    "protect",
    "read_outside",
    "restore",
    "wrap",
]
