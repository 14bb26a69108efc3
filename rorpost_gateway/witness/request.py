"""The body of an add-checkpoint request: written by a log, read by a witness. No I/O.

An old size, a consistency proof from it, an empty line, the signed checkpoint. Reading is
strict: one way to write each number and each hash, and no more of them than a tree can need.

c2sp.org/tlog-witness, "add-checkpoint"; RFC 4648, section 4; RFC 6962, section 2.1.2.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_HASHES: Final = 63
BODY_OCTETS: Final = 64 * 1024
SIZE_TYPE: Final = "text/x.tlog.size"
PATH: Final = "/add-checkpoint"
_LARGEST: Final = 2**63 - 1
_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class RequestInvalid(Exception):
    """The body is no add-checkpoint request; the text says why."""


@dataclass(frozen=True, kw_only=True)
class AddCheckpoint:
    """`proof` holds hashes of 32 octets, `note` the signed checkpoint, unread."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


def write_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [b"old %d" % old, *map(base64.b64encode, proof), b""]
    return b"".join(line + b"\n" for line in lines) + note


def read_request(body: bytes) -> AddCheckpoint:
    """Raises RequestInvalid."""
    head, divided, note = body.partition(b"\n\n")
    first, *hashes = head.split(b"\n", MOST_HASHES + 1)
    match = _OLD.fullmatch(first)
    if len(body) > BODY_OCTETS or not divided or match is None or int(match[1]) > _LARGEST:
        raise RequestInvalid("no old size, proof, empty line and checkpoint")
    if len(hashes) > MOST_HASHES:
        raise RequestInvalid("a proof of too many hashes")
    return AddCheckpoint(old=int(match[1]), proof=tuple(map(_hash, hashes)), note=note)


def read_size(body: bytes) -> int | None:
    """The size in an answer of type text/x.tlog.size; None where it holds none."""
    match = _SIZE.fullmatch(body)
    return None if match is None or int(match[1]) > _LARGEST else int(match[1])


def _hash(line: bytes) -> bytes:
    try:
        octets = base64.b64decode(line, validate=True)
    except binascii.Error:
        raise RequestInvalid("a hash of the proof is no base64") from None
    if len(octets) != 32 or base64.b64encode(octets) != line:
        raise RequestInvalid("a hash of the proof is not 32 octets")
    return octets
