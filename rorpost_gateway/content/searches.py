"""Marks in large files, looked for a piece at a time: encrypted PDF, objects in RTF, uuencoded files."""

import binascii
import re
from collections.abc import Iterator
from typing import Final

from rorpost_gateway.content.entries import Budget, Entry
from rorpost_gateway.content.kinds import Octets

_STEP_OCTETS: Final = 1024 * 1024
_OVERLAP_OCTETS: Final = 256
_LETTERS: Final = "".join(rf"(?:{letter}|#{ord(letter):02x})" for letter in "Encrypt")
# A reference to the dictionary, or itself. ISO 32000-1, sections 7.3.5 (#XX in names) and 7.6.1.
_ENCRYPTED_PDF = re.compile(rf"/{_LETTERS}\s{{0,40}}(?:<<|[0-9]{{1,10}}\s{{1,40}}[0-9])".encode("ascii"))
_OBJECT_IN_RTF = re.compile(rb"\\obj(?:data|ocx|emb|autlink|link|html)")
_BEGIN = re.compile(rb"(?:^|\n)begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?\n")


def is_encrypted_pdf(octets: Octets) -> bool:
    """Whether its strings and streams are encrypted, with or without a password to open it."""
    return _found(_ENCRYPTED_PDF, octets)


def holds_objects(octets: Octets) -> bool:
    """Whether objects are embedded in an RTF document; they are not looked into."""
    return _found(_OBJECT_IN_RTF, octets)


def uuencoded(octets: Octets, budget: Budget) -> Iterator[Entry]:
    """Files that stand uuencoded in a text: mail clients show them as attachments. POSIX.1, uuencode."""
    position = 0
    # Most texts are through with this first search, which is many times faster.
    while (at := octets.find(b"begin", position)) >= 0:
        position = at + 5
        match = _BEGIN.match(octets, max(0, at - 1))
        if match is None:
            continue
        budget.take_entry()
        content, position = _decode_lines(octets, match.end())
        yield Entry(names=(match[1].decode("latin-1"),), octets=content)


def _decode_lines(octets: Octets, start: int) -> tuple[bytes | None, int]:
    """What the lines from `start` stand for, and where they end; None where they cannot be read."""
    out = bytearray()
    position = start
    while position < len(octets):
        line_end = octets.find(b"\n", position)
        line_end = len(octets) if line_end < 0 else line_end
        line = bytes(octets[position : min(line_end, position + 200)]).rstrip(b"\r")
        position = line_end + 1
        if line in (b"end", b"====", b"`", b" ", b""):
            break
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            return None, position
    return bytes(out), position


def _found(pattern: re.Pattern[bytes], octets: Octets) -> bool:
    return any(
        pattern.search(octets, start, start + _STEP_OCTETS + _OVERLAP_OCTETS)
        for start in range(0, len(octets), _STEP_OCTETS)
    )
