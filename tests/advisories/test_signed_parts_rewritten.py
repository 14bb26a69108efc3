"""The flaw: 8-bit parts of multipart/signed were rewritten, which broke the signature.

Seen in Zeyple. Here the signed part keeps its octets: trailing white space, 8-bit
characters, its own header's folding, the blank lines around the delimiters.
"""

from pathlib import Path

from rorpost_gateway.message import check_structure, parse_message
from rorpost_gateway.pgpmime import protect, restore
from tests.peers.messages import CORPUS, added


def signed_octets(octets: bytes) -> bytes:
    """What the signature covers: the first part with its header (RFC 1847, section 2.1)."""
    part = check_structure(parse_message(octets))[1]
    return octets[part.start : part.end]


def test_the_signed_part_keeps_its_octets_under_the_seal_and_after() -> None:
    (path,) = (each for each in CORPUS if each.stem == "signed_8_bit")
    octets = Path(path).read_bytes()
    signed = signed_octets(octets)
    assert b"V\xe4nliga h\xe4lsningar  \r\n" in signed
    payload = protect(parse_message(octets), added())
    assert signed_octets(payload) == signed
    assert signed_octets(restore(payload).octets) == signed
