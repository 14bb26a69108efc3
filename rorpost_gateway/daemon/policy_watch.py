"""Noticing that the policy on disk has changed, and that whoever changes it is through.

A folder is copied, unpacked or checked out file by file: what is half there is not to be read. So a
change counts once nothing has moved for a while. Names, sizes, times and inodes are looked at, not
contents: a wrong guess costs a reload that changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

LOOK_EVERY_SECONDS: Final = 1.0
CASES: Final = "tests"  # the policy's cases, beneath its folder

_SUFFIXES = (".yaml", ".yml", ".json")

Sight = frozenset[tuple[str, int, int, int, int]]
"""For each file: path, inode, size, and when it and its inode were changed (nanoseconds)."""


def look(path: Path) -> Sight:
    """What there is of a policy file or folder now; nothing where it is not there."""
    if not path.is_dir():
        return frozenset(_of_files([path]))
    return frozenset(one for folder in (path, path / CASES) for one in _of_files(_listed(folder)))


def _listed(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.name[0] != "."]
    except OSError:
        return []


def _of_files(files: Iterable[Path]) -> Iterator[tuple[str, int, int, int, int]]:
    for file in files:
        # Gone again, or a link that leads nowhere: it is not there.
        with suppress(OSError):
            found = file.stat()
            yield str(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Quiet:
    """Whether what is seen differs from what was read, and has stood still long enough. Pure."""

    def __init__(self, seen: Sight, *, quiet_seconds: float) -> None:
        self._read = self._last = seen
        self._since = 0.0
        self._quiet_seconds = quiet_seconds

    def due(self, seen: Sight, at: float) -> bool:
        """Whether to read it now. Said once: what was found wrong is not read again until it changes."""
        if seen != self._last:
            self._last, self._since = seen, at
        if seen == self._read or at - self._since < self._quiet_seconds:
            return False
        self._read = seen
        return True

    def read(self, seen: Sight) -> None:
        """It is being read for another reason."""
        self._read = self._last = seen


class PolicyWatch:
    """Made before the policy is read for the first time, so that no change falls between."""

    def __init__(
        self,
        path: Path,
        *,
        quiet_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._quiet = Quiet(look(path), quiet_seconds=quiet_seconds)
        self._clock = clock
        self._pause = pause

    async def run(self, changed: Callable[[], None]) -> None:
        """Until cancelled: call `changed` each time that there is something else to be read."""
        while True:
            await self._pause(LOOK_EVERY_SECONDS)
            # In a thread: the folder may lie on another machine's disk.
            seen = await asyncio.to_thread(look, self._path)
            if self._quiet.due(seen, self._clock()):
                log.info("policies-changed", files=len(seen))
                changed()

    async def read(self) -> None:
        """To be called before everything is read anew, whoever asked for it."""
        self._quiet.read(await asyncio.to_thread(look, self._path))
