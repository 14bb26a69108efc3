"""The file `checkpoints`: every checkpoint, one after the other, only ever appended to.

A crash can leave a part of a note at its end. It is closed with a newline where it
has none, and a `torn` entry of the log names it (file `checkpoints`, offset, length,
SHA-256); a part that this newline makes whole is a checkpoint like any other.
Readers skip exactly those stretches. One that witnesses signed stands once more, with
their signatures, where it was published by then.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.published.note import NOTE_OCTETS, Checkpoint, whole_notes
from rorpost_gateway.decision_log.read_back import open_file, sha256_of
from rorpost_gateway.decision_log.tail import CHECKPOINTS_NAME, Torn
from rorpost_gateway.errors import LogDamaged

_WINDOW_OCTETS = 4 * NOTE_OCTETS


@dataclass(frozen=True, kw_only=True)
class End:
    """How the file ends. `torn` is what no `torn` entry may tell of yet; `size` is in octets.

    `notes` are the last ones, as they stand there: of `newest` every one.
    """

    newest: Checkpoint | None
    notes: frozenset[bytes]
    torn: Torn | None
    needs_newline: bool
    size: int


def find_end(folder: Path, origin: str) -> End:
    """Read the end of `checkpoints` in the log's folder. Raises LogDamaged, OSError."""
    path = folder / CHECKPOINTS_NAME
    try:
        with open_file(path) as file:
            size = file.seek(0, os.SEEK_END)
            begins = file.seek(max(0, size - _WINDOW_OCTETS))
            octets = file.read()
    except FileNotFoundError:
        return End(newest=None, notes=frozenset(), torn=None, needs_newline=False, size=0)
    needs_newline = bool(octets) and not octets.endswith(b"\n")
    found = whole_notes(octets + b"\n" * needs_newline, origin)
    if not found and begins:
        raise LogDamaged("the decision log does not hold", private=f"{path}: no checkpoint at its end")
    end = found[-1][0] if found else 0
    if not _may_be_torn(octets[end:], origin):
        raise LogDamaged(
            "the decision log does not hold",
            private=f"{path}: from octet {begins + end} on no part of a checkpoint",
        )
    # One that a witness signed late stands again behind newer ones.
    newest = max((checkpoint for _, checkpoint in reversed(found)), key=lambda each: each.size, default=None)
    return End(
        newest=newest,
        notes=frozenset(checkpoint.note for _, checkpoint in found),
        torn=_torn(path, begins + end, size, closed=not needs_newline),
        needs_newline=needs_newline,
        size=size,
    )


def _may_be_torn(octets: bytes, origin: str) -> bool:
    """Whether octets begin as a note does; a power cut leaves zeros where it was to be."""
    begins = origin.encode("ascii") + b"\n"
    left = octets.rstrip(b"\n").rstrip(b"\0")[: len(begins)]
    return len(octets) <= NOTE_OCTETS and begins.startswith(left)


def _torn(path: Path, begins: int, size: int, *, closed: bool) -> Torn | None:
    if begins >= size:
        return None
    length = size - begins - closed
    return Torn(file=path.name, offset=begins, length=length, sha256=sha256_of(path, begins, length))


class CheckpointsFile:
    """The file as one thread appends to it."""

    def __init__(self, folder: Path, disk: Disk, end: End) -> None:
        """Open or make it, and close a torn end. Raises OSError."""
        self._disk = disk
        self._size = end.size
        self._fd: int | None = disk.open_or_create(folder / CHECKPOINTS_NAME)
        if end.needs_newline:
            self.append(b"\n")

    def append(self, octets: bytes) -> None:
        """Durable when it returns. Raises OSError; nothing of it may be tried again."""
        if self._fd is None:
            raise OSError(f"{CHECKPOINTS_NAME} is closed")
        status = os.fstat(self._fd)
        if not status.st_nlink or status.st_size != self._size:
            raise OSError(f"{CHECKPOINTS_NAME} was removed or changed while it was being written")
        self._disk.write(self._fd, octets)
        self._size += len(octets)
        self._disk.sync(self._fd)

    def close(self) -> None:
        """Safe to call twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
