"""Where the last lines of a file begin, found from its end."""

import os
from collections import deque
from typing import BinaryIO

from rorpost_gateway.audit.blocks import BLOCK_OCTETS, LINE_OCTETS


def last_lines(file: BinaryIO, count: int) -> list[int]:
    """The offsets of the last `count` lines that are ended by a newline; all of them where there are fewer.

    Where they are not all found among the last octets that such lines can take,
    something there is no line: then all lines of the file are looked through.
    """
    size = os.fstat(file.fileno()).st_size
    window = (count + 2) * LINE_OCTETS
    starts = _starts(file, max(0, size - window), size, count)
    if len(starts) < count and size > window:
        starts = _starts(file, 0, size, count)
    return starts


def _starts(file: BinaryIO, begin: int, end: int, count: int) -> list[int]:
    """The last of the lines that begin at or after `begin`; the one that `begin` divides is left out."""
    starts = deque([begin] if begin == 0 else [], maxlen=count + 1)
    at = begin
    while at < end and (octets := os.pread(file.fileno(), min(BLOCK_OCTETS, end - at), at)):
        place = octets.find(b"\n")
        while place >= 0:
            starts.append(at + place + 1)
            place = octets.find(b"\n", place + 1)
        at += len(octets)
    return list(starts)[:-1]  # where the next line will begin is no line yet
