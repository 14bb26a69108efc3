"""What a tree of processes has cost: processor time and memory, as the kernel accounts them in /proc."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_OCTETS_PER_KB = 1024


@dataclass(frozen=True, kw_only=True)
class Processes:
    """A daemon's process and everything below it; and what names `folder` on its command line.

    The latter finds the key agent, which leaves the tree when it starts.
    """

    root: int
    folder: Path | None = None

    def pids(self) -> list[int]:
        children = defaultdict(list)
        for pid in _all_pids():
            children[_stat(pid)[1]].append(pid)
        found, ahead = [], [self.root]
        while ahead:
            found.append(ahead.pop())
            ahead += children[found[-1]]
        return found + [pid for pid in self._agents() if pid not in found]

    def cpu_seconds(self) -> float:
        """User and system time of all, with that of the children that they have waited for."""
        return sum(sum(_stat(pid)[11:15]) for pid in self.pids()) / _TICKS_PER_SECOND

    def root_seconds(self) -> float:
        """Of the daemon's own process alone."""
        return sum(_stat(self.root)[11:13]) / _TICKS_PER_SECOND

    def forget_peak(self) -> None:
        """Start the high-water marks anew. Needs the right to write to the processes' files."""
        for pid in self.pids():
            _write(pid, "clear_refs", "5")

    def peak_octets(self) -> int:
        """The sum of the resident high-water marks; pages that processes share count in each."""
        return sum(_field(pid, "status", "VmHWM:") for pid in self.pids())

    def proportional_octets(self) -> int:
        """Resident now, each shared page divided among those who share it."""
        return sum(_field(pid, "smaps_rollup", "Pss:") for pid in self.pids())

    def _agents(self) -> list[int]:
        if self.folder is None:
            return []
        name = str(self.folder).encode()
        return [
            pid for pid in _all_pids() if b"gpg-agent" in (line := _read(pid, "cmdline")) and name in line
        ]


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _stat(pid: int) -> list[int]:
    """The fields after the name, from the third on (proc(5)): [1] parent, [11:15] times. Zeros: it ended."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()[1:]
    return [0, *map(int, fields)] if fields else [0] * 50


def _field(pid: int, file: str, name: str) -> int:
    """A figure in kB, as octets; 0 where it is not there."""
    for line in _read(pid, file).decode("ascii", "replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * _OCTETS_PER_KB
    return 0


def _read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:  # it ended, or is another's
        return b""


def _write(pid: int, file: str, text: str) -> None:
    try:
        Path(f"/proc/{pid}/{file}").write_text(text, encoding="ascii")
    except OSError:
        return
