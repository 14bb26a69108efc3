"""A disk under a process that is killed: in the middle of the N-th system call, or after it.

What is on a disk after SIGKILL is what the calls until then have left there, since the kernel keeps what it
was given. So a call that raises, and no call after it, shows that state without a process: thousands of kills
take seconds. `Killed` is no Exception, as a killed process handles none.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from rorpost_gateway.decision_log.folder import Disk

T = TypeVar("T")


class Moment(StrEnum):
    WITHIN = "within"  # of a write: half of its octets are there
    AFTER = "after"


class Killed(BaseException):
    """The process is no more."""


class DyingDisk(Disk):
    """Counts its calls from 1; dies at call `at` (None: never). Nothing is synchronised, for speed."""

    def __init__(self, at: int | None = None, moment: Moment = Moment.AFTER) -> None:
        self.calls: list[str] = []
        self._at = at
        self._moment = moment

    def create(self, path: Path) -> int:
        return self._call(f"create {path.name}", lambda: super(DyingDisk, self).create(path))

    def open(self, path: Path) -> int:
        return self._call(f"open {path.name}", lambda: super(DyingDisk, self).open(path))

    def make_folder(self, folder: Path) -> None:
        self._call(f"make {folder.name}", lambda: super(DyingDisk, self).make_folder(folder))

    def put(self, path: Path, octets: bytes) -> None:
        self._call(f"put {path.name}", lambda: super(DyingDisk, self).put(path, octets))

    def write(self, fd: int, octets: bytes) -> None:
        half = octets[: len(octets) // 2]
        self._call("write", lambda: super(DyingDisk, self).write(fd, octets), lambda: os.write(fd, half))

    def sync(self, fd: int) -> None:
        self._call("sync", lambda: None)

    def sync_folder(self, folder: Path) -> None:
        self._call("sync folder", lambda: None)

    def _call(self, name: str, work: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        if self._at is not None and len(self.calls) >= self._at:
            raise Killed
        self.calls.append(name)
        number = len(self.calls)
        if number == self._at and self._moment is Moment.WITHIN:
            if half is not None:
                half()
            raise Killed
        done = work()
        if number == self._at:
            # What was opened is closed with the process.
            if isinstance(done, int) and name.startswith(("create", "open")):
                os.close(done)
            raise Killed
        return done
