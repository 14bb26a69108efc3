"""Expanding deflated data a piece at a time, never further than allowed. RFC 1951, RFC 1952."""

import zlib
from typing import Final

from rorpost_gateway.content.entries import Budget, BudgetSpent, Closed
from rorpost_gateway.content.kinds import Octets

RAW: Final = -zlib.MAX_WBITS
GZIPPED: Final = 16 + zlib.MAX_WBITS
_STEP_OCTETS: Final = 256 * 1024


def inflate(
    octets: Octets, start: int, end: int, *, form: int, budget: Budget, most: int
) -> tuple[bytearray, int]:
    """What `octets[start:end]` expands to, and where the deflated data ended.

    Raises BudgetSpent beyond `most` octets, Closed for what does not hold.
    """
    expanding = zlib.decompressobj(form)
    out = bytearray()
    with memoryview(octets) as view:
        pending: bytes | memoryview = b""
        position, more = start, False
        while not expanding.eof:
            if not pending and not more:
                if position >= end:
                    raise Closed("cut off")
                pending = view[position : min(end, position + _STEP_OCTETS)]
                position += len(pending)
            try:
                piece = expanding.decompress(pending, _STEP_OCTETS)
            except zlib.error:
                raise Closed("not deflated data") from None
            pending, more = expanding.unconsumed_tail, len(piece) == _STEP_OCTETS
            budget.take_octets(len(piece))
            if len(out) + len(piece) > most:
                raise BudgetSpent("expands too far")
            out += piece
    return out, position - len(expanding.unused_data) - len(pending)
