"""The outer message: an OpenPGP block in the two parts of multipart/encrypted.

CRLF line ends, 7bit, no line over 998 octets. The block must be one armoured OpenPGP
message and nothing else: a last look before octets leave, besides the engine's own.
RFC 3156, section 4; RFC 4880, section 6.2 (armour).
"""

import secrets

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.message.date_time import format_date
from rorpost_gateway.message.line_ends import bare_line_ends, long_line
from rorpost_gateway.pgpmime.outside import Outer, header_fields_outside

LINE_OCTETS = 998
_BEGIN = b"-----BEGIN PGP MESSAGE-----\r\n"
_END = b"-----END PGP MESSAGE-----\r\n"
_ARMOUR = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def wrap(armoured: bytes, outer: Outer) -> bytes:
    """The message to relay. `armoured` has CRLF line ends and a final CRLF.

    Raises SealingFailed if it is anything but one armoured OpenPGP message.
    """
    _check_armour(armoured)
    boundary = f"=-{secrets.token_hex(16)}"
    lines = [
        f"Received: by {outer.hostname} id {outer.queue_id};",
        f" {format_date(outer.received_at)}",
        *(f"{name}: {value}" for name, value in header_fields_outside(outer)),
        "MIME-Version: 1.0",
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
        f' boundary="{boundary}"',
        "Content-Transfer-Encoding: 7bit",
        "",
        f"--{boundary}",
        "Content-Type: application/pgp-encrypted",
        "",
        "Version: 1",
        "",
        f"--{boundary}",
        'Content-Type: application/octet-stream; name="encrypted.asc"',
        'Content-Disposition: inline; filename="encrypted.asc"',
        "",
        "",
    ]
    head = "\r\n".join(lines).encode("ascii")
    return b"".join((head, armoured, f"\r\n--{boundary}--\r\n".encode("ascii")))


def _check_armour(armoured: bytes) -> None:
    if not armoured.startswith(_BEGIN) or not armoured.endswith(_END):
        raise _not_sealed("not an armoured message")
    # Armour headers (Version, Comment) end at the first empty line; what an engine adds is not ours to relay.
    inner_start, inner_end = len(_BEGIN), len(armoured) - len(_END)
    if not armoured.startswith(b"\r\n", inner_start) or inner_end < inner_start + 4:
        raise _not_sealed("armour headers")
    inner = armoured[inner_start:inner_end]
    if bare_line_ends(inner, _ARMOUR) or not inner.endswith(b"\r\n"):
        raise _not_sealed("octets that are no armour, or line ends that are not CRLF")
    if long_line(inner, LINE_OCTETS) >= 0:
        raise _not_sealed("a line that is too long")


def _not_sealed(what: str) -> SealingFailed:
    return SealingFailed("sealing failed", private=f"the block to wrap: {what}")
