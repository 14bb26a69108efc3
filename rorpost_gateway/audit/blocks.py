"""A day file in blocks of whole lines, so that what is not asked for is passed over without being parsed.

Memory does not depend on the length of a file or of a line. Octets after the
last newline (a line being written, or one that a crash cut short) are no line,
and neither is anything that is too long to be one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.folder import open_file

BLOCK_OCTETS = 1 << 20
LINE_OCTETS = 16 * 1024  # with its newline


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Whole lines, each with its newline; `offset` is where the first begins in its file."""

    offset: int
    octets: bytes


def blocks(path: Path, *, block_octets: int = BLOCK_OCTETS) -> Iterator[Block]:
    """The lines of a file, in order. Raises Broken where it cannot be read, OSError in the middle of it."""
    with open_file(path) as file:
        offset, rest = 0, b""
        while octets := file.read(block_octets):
            octets = rest + octets
            end = octets.rfind(b"\n") + 1
            if end:
                yield Block(offset=offset, octets=octets[:end])
            offset += end
            rest = octets[end:]
            if len(rest) > LINE_OCTETS:
                # What follows up to the next newline is part of no line; its last octets stand for it.
                offset += len(rest) - LINE_OCTETS
                rest = rest[-LINE_OCTETS:]


def lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """Each line of a block without its newline, and where it begins in the file."""
    offset = block.offset
    for line in block.octets.split(b"\n")[:-1]:
        yield offset, line
        offset += len(line) + 1
