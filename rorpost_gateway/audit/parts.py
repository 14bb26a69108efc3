"""The parts of a log, read ahead in other processes where that is possible, and joined in order.

What is due where a part begins is known when the one before it has been read. Where
an entry there says so itself, the part is read before that; if it turns out to have
been wrong, it is read once more.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.beginning import Files
from rorpost_gateway.audit.folder import sha256_of
from rorpost_gateway.audit.growth import Grown, grown
from rorpost_gateway.audit.plan import Claim, Planned, plan
from rorpost_gateway.audit.reading import ZEROS, Part, Reading, read_part
from rorpost_gateway.audit.vouching import Vouching
from rorpost_gateway.audit.workers import Workers

LEAST_LINE_OCTETS = 128  # no entry takes less

_NOTHING = Grown(head=[], tiles=[], tail=[])


@dataclass(kw_only=True)
class Due:
    """What must come next: the number, the hash of the entry before, and whether the file has been opened."""

    n: int = 0
    prev: str = ZEROS
    opened: bool = False


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A part, what it adds to the tree, and the sizes of checkpoints in it."""

    planned: Planned
    reading: Reading
    added: Grown
    sizes: list[int]


@dataclass(frozen=True, kw_only=True)
class _Ahead:
    """`read` is None where the part must wait for those before it."""

    planned: Planned
    sizes: list[int]
    read: Future[tuple[Reading, Grown]] | None


class Parts:
    """Reads `files`. `vouching` is None for a log that has no checkpoint."""

    def __init__(
        self, folder: Path, files: Files, *, workers: Workers, vouching: Vouching | None, covered: int
    ) -> None:
        self.digests: dict[Path, Future[str]] = {}  # SHA-256 of each file but the newest
        self._folder = folder
        self._files = files
        self._workers = workers
        self._vouching = vouching
        self._covered = covered

    def read(self, due: Due) -> Iterator[Joined]:
        """Every part in order; whoever takes one sets `due` before the next. Raises Broken, OSError."""
        ahead: deque[_Ahead] = deque()
        planned = plan(self._files)
        upcoming = next(planned, None)
        while upcoming is not None:
            current, upcoming = upcoming, next(planned, None)
            ahead.append(self._send(current, None if upcoming is None else upcoming.claim))
            if len(ahead) >= 2 * self._workers.processes:
                yield self._join(ahead.popleft(), due)
        while ahead:
            yield self._join(ahead.popleft(), due)

    def _send(self, planned: Planned, following: Claim | None) -> _Ahead:
        """Give a part to a process, where entries themselves say what is due there and where it ends."""
        path, claim = planned.path, planned.claim
        if planned.begin == 0 and not planned.newest:
            size = next(size for each, size in self._files if each == path)
            self.digests[path] = self._workers.submit(sha256_of, path, 0, size)
        if self._workers.processes == 1 or claim is None or following is None:
            return _Ahead(planned=planned, sizes=[], read=None)
        if not 0 <= following.n - claim.n <= (planned.end - planned.begin) // LEAST_LINE_OCTETS:
            return _Ahead(planned=planned, sizes=[], read=None)
        part = self._part(planned, Due(n=claim.n, prev=claim.prev, opened=planned.begin > 0))
        sizes = [] if self._vouching is None else self._vouching.sizes(following.n)
        covered = None if self._vouching is None else self._covered
        read = self._workers.submit(read_and_grow, part, sizes, self._folder, covered)
        return _Ahead(planned=planned, sizes=sizes, read=read)

    def _join(self, ahead: _Ahead, due: Due) -> Joined:
        planned, claim = ahead.planned, ahead.planned.claim
        if planned.begin == 0:
            due.opened = False
        said = claim and Due(n=claim.n, prev=claim.prev, opened=planned.begin > 0)
        if ahead.read is not None and said == due:
            reading, added = ahead.read.result()
        else:
            reading, added = self._read_now(ahead, due)
        return Joined(planned=planned, reading=reading, added=added, sizes=ahead.sizes)

    def _read_now(self, ahead: _Ahead, due: Due) -> tuple[Reading, Grown]:
        reading = read_part(self._part(ahead.planned, due))
        if self._vouching is None or reading.fault is not None:
            return reading, _NOTHING
        ahead.sizes.extend(self._vouching.sizes(reading.n))
        return _grow(reading, ahead.sizes, self._folder, self._covered)

    def _part(self, planned: Planned, due: Due) -> Part:
        return Part(
            path=planned.path,
            begin=planned.begin,
            end=planned.end,
            n=due.n,
            prev=due.prev,
            opening="genesis" if due.n == 0 and planned.path == self._files[0][0] else "day",
            opened=due.opened,
            newest=planned.newest,
            last=planned.last,
            mark=None if self._vouching is None else self._covered,
        )


def read_and_grow(part: Part, sizes: list[int], folder: Path, covered: int | None) -> tuple[Reading, Grown]:
    """A part, and what it adds to the tree (nothing where `covered` is None). Raises Broken."""
    reading = read_part(part)
    if covered is None or reading.fault is not None:
        reading.leaves = []
        return reading, _NOTHING
    return _grow(reading, sizes, folder, covered)


def _grow(reading: Reading, sizes: list[int], folder: Path, covered: int) -> tuple[Reading, Grown]:
    added = grown(reading.first, reading.leaves, sizes=sizes, folder=folder, covered=covered)
    reading.leaves = []
    return reading, added
