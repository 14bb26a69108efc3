"""Messages of partners, as shapes in tests/golden/partners: what they seal, and what arrives.

An outer shape has a line such as `@@ARMOUR@@` where the block stands, in the form that the
mail client or the mail server on the way gives it.
"""

import binascii
import quopri
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import Message, parse_message, read_facts
from tests.peers.messages import HOSTNAME, RECEIVER, SENDER

FOLDER = Path(__file__).parents[1] / "golden" / "partners"
# A session-key packet and one with integrity protection, as far as anybody looks who cannot decrypt.
PACKETS = b"\x84\x5e\x03" + bytes(91) + b"\xd2\x40\x01" + bytes(range(63))
_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----\r\n", b"-----END PGP MESSAGE-----\r\n"


def armour(packets: bytes, checksum: bytes = b"=abcd\r\n") -> bytes:
    """As this gateway's engine hands it out: CRLF, no header lines."""
    text = b64encode(packets)
    lines = b"".join(text[start : start + 64] + b"\r\n" for start in range(0, len(text), 64))
    return b"".join((_BEGIN, b"\r\n", lines, checksum, _END))


ARMOUR = armour(PACKETS)


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (FOLDER / folder).glob("*.eml"))


def shape(folder: str, name: str) -> bytes:
    return (FOLDER / folder / f"{name}.eml").read_bytes()


def arrived(folder: str, name: str, armoured: bytes = ARMOUR) -> Message:
    """The outer message of that shape around this block."""
    octets = shape(folder, name)
    for token, form in _FORMS.items():
        if token in octets:
            octets = octets.replace(token, form(armoured).removesuffix(b"\r\n"))
    return parse_message(octets)


def outside_facts(**changes: str) -> MessageFacts:
    """What the outer header says, with other values where named; an empty one leaves the field out."""
    fields = {
        "From": SENDER,
        "To": RECEIVER,
        "Date": "Wed, 06 May 2026 08:00:00 +0200",
        "Subject": "[...]",
        "Message-ID": "<0123456789abcdef0123456789abcdef@motala.se>",
    }
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    header = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return read_facts(parse_message(header.encode("ascii") + b"\r\n"), hostname=HOSTNAME)


def _base64(octets: bytes) -> bytes:
    text = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))


def _packets(armoured: bytes) -> bytes:
    text = armoured.removeprefix(_BEGIN).removesuffix(_END).split()
    return binascii.a2b_base64(b"".join(line for line in text if not line.startswith(b"=")))


_FORMS: dict[bytes, Callable[[bytes], bytes]] = {
    b"@@ARMOUR@@": lambda block: block,
    b"@@ARMOUR_HEADER_LINES@@": lambda block: block.replace(
        _BEGIN, _BEGIN + b"Version: PGP Universal 3.3.2 (Build 21495)\r\nComment: \xe5\xe4\xf6\r\n"
    ),
    b"@@ARMOUR_BASE64@@": _base64,
    b"@@LINE_FEEDS_BASE64@@": lambda block: _base64(block.replace(b"\r\n", b"\n")),
    b"@@BINARY_BASE64@@": lambda block: _base64(_packets(block)),
    b"@@QUOTED_PRINTABLE@@": lambda block: quopri.encodestring(block.replace(b"\r\n", b"\n")).replace(
        b"\n", b"\r\n"
    ),
    b"@@TRAILING_SPACE@@": lambda block: block.replace(b"\r\n", b"  \r\n"),
    b"@@ARMOUR_QUOTED@@": lambda block: block.replace(b"\r\n", b"\r\n> "),
}
