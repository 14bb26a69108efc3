"""A message as it lay in a mailbox, made into what a session would have brought. Pure.

Line ends become CRLF where that needs no guessing; what is malformed stays so, for the way in
to refuse. RFC 5321, section 2.3.8; RFC 9051, section 2.3 (a message in a folder has CRLF).
"""

import re

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.message.header import HEADER_OCTETS
from rorpost_gateway.message.line_ends import with_crlf

_NOBODY = ""
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FROM = re.compile(rb"^from:((?>(?:[^\r\n]|\r?\n[ \t])*))", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(r"\r?\n")


def as_brought(octets: bytes) -> bytes:
    """The octets with CRLF for their line ends, the last one too."""
    try:
        octets = with_crlf(octets)
    except MessageMalformed:
        return octets
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def author_of(octets: bytes) -> str:
    """The one address in the one From field, lower case; empty where there is none to be sure of.

    `octets` are a message, or its header alone. What else is wrong with the header is not looked at:
    the way in reads it anew, and takes nothing whose From it reads differently.
    """
    end = _BLANK_LINE.search(octets, 0, HEADER_OCTETS)
    found = _FROM.findall(octets, 0, end.start() if end else HEADER_OCTETS)
    if len(found) != 1:
        return _NOBODY
    try:
        addresses = read_addresses(_FOLD.sub("", found[0].decode("ascii")))
    except (UnicodeDecodeError, Unreadable):
        return _NOBODY
    return addresses[0] if len(addresses) == 1 else _NOBODY
