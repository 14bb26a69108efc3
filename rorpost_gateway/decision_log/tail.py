"""The end of a log: words for what the writer finds there. No I/O."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from rorpost_gateway.decision_log.line import FIRST_PREV

CHECKPOINTS_NAME = "checkpoints"
REGION_LINES = 100  # a region holds a line for each crash that came while it was being closed


class Leaves(Protocol):
    """The leaf hashes, 32 octets each, of the first `size` entries."""

    @property
    def size(self) -> int: ...

    def leaf(self, n: int) -> bytes: ...

    def leaves_from(self, n: int) -> list[bytes]:
        """One or more leaves from `n` on, as many as come easily; never beyond `size`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Torn:
    """Bytes that are no line. `length` is without the newline that closes them."""

    file: str
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FileSummary:
    """A day file as its `day` entry in the next one tells of it."""

    name: str
    first: int
    last: int
    sha256: str


@dataclass(kw_only=True)
class Tail:
    """The end of the log: the next entry's `n` and `prev`, and what must be mended first."""

    next_n: int = 0
    prev: str = FIRST_PREV
    file: str | None = None  # the newest file; None where there is none
    first: int | None = None  # its first entry
    opened: bool = False  # it has its `day` (or genesis) entry
    digest: Any = field(default_factory=hashlib.sha256)  # of its bytes so far
    size: int = 0  # in octets
    needs_newline: bool = False
    torn: Torn | None = None  # bytes at the end that no `torn` entry tells of yet
    before: FileSummary | None = None  # the file before, where `day` is still to be written
    lines: int = 0  # of its bytes, whatever they are
    vkey: str | None = None  # of the last genesis or `key` entry among those that were read as JSON
