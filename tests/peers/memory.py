"""How much memory a daemon and every process it started use, as the kernel counts it.

What is counted: private pages of each process (anonymous, and shared memory that is mapped),
and the files in memory that any of them holds open, each once. Pages of programs and libraries
on the disk are not: they are there whatever the messages do.
"""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_PROC = Path("/proc")
_COUNTED = ("RssAnon:", "RssShmem:")
_LOOK_AGAIN_SECONDS = 0.005


def processes_of(pid: int) -> list[int]:
    """The process and all its descendants that are there now.

    One that is just being started still runs in its parent's memory, and is left out until it does not.
    """
    found, waiting = [], [pid]
    while waiting:
        found.append(each := waiting.pop())
        waiting += [child for child in _children(each) if _command(child) != _command(each)]
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in _PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes()
    return b""


def private_octets(pid: int) -> int:
    """Of one process; 0 where it has ended."""
    with suppress(OSError):
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_COUNTED))
    return 0


def tree_octets(pid: int) -> int:
    """Of the process and all its descendants."""
    pids = processes_of(pid)
    return sum(map(private_octets, pids)) + _memory_files(pids)


def _memory_files(pids: list[int]) -> int:
    found: dict[int, int] = {}
    for pid in pids:
        with suppress(OSError):
            for file in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    if str(file.readlink()).startswith("/memfd:"):
                        said = file.stat()
                        found[said.st_ino] = said.st_blocks * 512
    return sum(found.values())


class HighWater:
    """The most that was seen while it watched: `with HighWater(pid) as water: …`, then `water.growth`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="high water", daemon=True)
        self.before = tree_octets(pid)
        self.most = self.before

    @property
    def growth(self) -> int:
        """Octets over what there was at the beginning."""
        return self.most - self.before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_AGAIN_SECONDS):
            self.most = max(self.most, tree_octets(self._pid))
