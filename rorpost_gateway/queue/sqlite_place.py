"""Where the embedded queue lies: one gateway has it, its files stay the ones it opened, there is room.

Invariant: a second gateway on the same file would judge the first one's pending copies by
another decision log and throw them away; it is kept out before it has read anything. The
lock lies beside the file (`queue.db.lock`) and goes with the process, kill -9 included;
whoever only looks into the queue does not ask for it.
"""

import fcntl
import os
from pathlib import Path

from rorpost_gateway.errors import QueueFull, QueueUnavailable
from rorpost_gateway.queue.sqlite_file import make_folder

_LOOK_AFTER_OCTETS = 8 * 1024 * 1024
_ROW_OCTETS = 64 * 1024  # what the rows and indexes of a small message may dirty, and more


def take(path: Path) -> int:
    """Keep every other gateway out until the descriptor is closed. Raises QueueUnavailable."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    real = path.resolve()  # another name of the same store must find the same lock
    try:
        make_folder(real.parent)
        descriptor = os.open(real.with_name(f"{real.name}.lock"), flags, 0o600)
    except OSError as error:
        raise QueueUnavailable(
            "the queue's store cannot be opened", private=f"{error.filename}: {error.strerror}"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise QueueUnavailable(
            "the queue is in use",
            private=f"another gateway has the queue in {path}; each needs a queue of its own",
        ) from error
    return descriptor


class Place:
    """The files that were opened under a name, and what is free around them. For one thread."""

    def __init__(self, path: Path, *, reserve_octets: int) -> None:
        self._path = path
        self._files = files_of(path)
        self._reserve_octets = reserve_octets
        self._spare_octets = 0

    def require(self, octets: int) -> None:
        """Raises where what is promised now would not be found again (QueueUnavailable) or has no room.

        `octets` are new ones; with 0 there is nothing to find room for.
        """
        if files_of(self._path) != self._files:
            raise QueueUnavailable("the queue's store was replaced", private=f"{self._path}: another file")
        if octets:
            self._require_room(octets + _ROW_OCTETS)

    def _require_room(self, octets: int) -> None:
        """What was free lasts for a while: asking each time would cost more than storing."""
        if self._spare_octets < octets:
            free = os.statvfs(self._path.parent)
            above_reserve = free.f_bavail * free.f_frsize - self._reserve_octets
            if above_reserve < octets:
                raise QueueFull("the queue has no room", private="the file system's reserve is reached")
            # A part of it only: others write to the disk as well.
            self._spare_octets = max(octets, min(above_reserve // 8, _LOOK_AFTER_OCTETS))
        self._spare_octets -= octets


def files_of(path: Path) -> tuple[tuple[int, int], ...]:
    """Which files the names of the store lead to now: the database and its write-ahead log.

    SQLite goes on in files that somebody took away, and what it commits there nobody
    finds again. Raises QueueUnavailable where one of them is gone.
    """
    try:
        found = [os.stat(each) for each in (path, f"{path}-wal")]  # noqa: PTH116 - asked at every commit
    except OSError as error:
        raise QueueUnavailable(
            "the queue's store was taken away", private=f"{path}: {error.strerror}"
        ) from error
    return tuple((status.st_dev, status.st_ino) for status in found)
