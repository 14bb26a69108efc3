"""One verification: what holds the parts of the log together, its tree, its checkpoints and its files.

Lines and their chain come from `parts`, what the log says of itself from `events`,
the tree from `growth`, checkpoints from `vouching`, missing files from `purges`.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.beginning import Beginning, begin, keys_before, keys_where_purged
from rorpost_gateway.audit.checkpoints import CHECKPOINTS, newest_size, read_checkpoint
from rorpost_gateway.audit.entries import EntryMissing, line_number, locate
from rorpost_gateway.audit.events import Events, FileBefore
from rorpost_gateway.audit.folder import Broken, day_files
from rorpost_gateway.audit.growth import OTHER_HASH, Grown, Spine, grown_from_tiles
from rorpost_gateway.audit.key_chain import KeyChain, KeyChainFault
from rorpost_gateway.audit.parts import Due, Joined, Parts
from rorpost_gateway.audit.purges import Purge
from rorpost_gateway.audit.since import Since
from rorpost_gateway.audit.tiles import WIDTH, TileReader
from rorpost_gateway.audit.vouching import Vouching
from rorpost_gateway.audit.workers import Workers

TILES_AT_ONCE = 64

Progress = Callable[[int, int], None]


class Verification:
    """Made for one run. Raises Broken."""

    def __init__(
        self, folder: Path, *, vkey: str | None, since: bytes | None, progress: Progress | None
    ) -> None:
        self._folder = folder
        self._vkey = vkey
        self._progress = progress
        # The newest checkpoint before the file of all, and that before the lines: whatever is
        # named in what is read first is there in what is read later, though a daemon goes on writing.
        self._shown = read_checkpoint(folder)
        path = folder / CHECKPOINTS
        self._checkpoints_end = path.lstat().st_size if path.exists() else 0
        self._covered = newest_size(folder, end=self._checkpoints_end)
        self._published = self._shown is not None or self._checkpoints_end > 0
        self._since = None if since is None else Since(since)
        self._files = [(path, path.lstat().st_size) for path in day_files(folder)]
        self.octets = sum(size for _, size in self._files)
        self._octets_read = 0
        self._due = Due()
        self._lines = 0  # of the file that is being read
        self._file_first = 0
        self._torn = 0
        self._first_time = self._last_time = ""
        self._unfinished = 0
        self._uncovered_at: str | None = None

    def run(self, workers: Workers) -> dict[str, Any]:
        """What `Verified` says. Raises Broken, OSError."""
        if self._since is not None and not self._published:
            raise self._since.broken("the log has no checkpoint")
        if self._since is not None:
            self._since.see_size(self._covered)
        self._workers = workers
        self._spine = Spine(self._folder, covered=self._covered)
        self._vouching = Vouching(self._folder, workers=workers, end=self._checkpoints_end, shown=self._shown)
        with closing(self._vouching):
            return self._read(workers)

    def _read(self, workers: Workers) -> dict[str, Any]:
        vouching = self._vouching if self._published else None
        self._events = Events(vouching, vkey=self._vkey)
        beginning = self._begin() if self._published else Beginning(file=0, n=0)
        parts = Parts(
            self._folder,
            self._files[beginning.file :],
            workers=workers,
            vouching=vouching,
            covered=self._covered,
        )
        for joined in parts.read(self._due):
            self._take(joined, parts)
        return self._end(beginning)

    def _begin(self) -> Beginning:
        """Where reading begins: with the genesis entry, or where files are missing or need not be read."""
        beginning = begin(self._files, covered=self._covered, since=self._since)
        if self._since is not None:
            self._vouching.kept = self._since.checkpoint
        if beginning.n:
            self._vouching.keys = self._keys_before(beginning)
            prev = TileReader(self._folder).leaf(beginning.n - 1, self._covered)
            self._due.n, self._due.prev = beginning.n, prev.hex()
        if beginning.file > 0:
            self._vouching.skip_below(beginning.n + 1)
            self._spine.begin(TileReader(self._folder), beginning.n, covered=self._covered)
        else:
            self._vouching.unsigned_before = beginning.n
            self._grow_from_tiles(beginning.n)
        return beginning

    def _keys_before(self, beginning: Beginning) -> KeyChain:
        try:
            if beginning.file == 0 or self._since is None:
                return keys_where_purged(self._files, vkey=self._vkey)
            return keys_before(self._files, beginning, vkey=self._vkey, since=self._since)
        except KeyChainFault as fault:
            name = self._files[0][0].name
            raise Broken(file=name, line=0, entry=0, check="key", text=str(fault)) from None

    def _grow_from_tiles(self, leaves: int) -> None:
        """The tree of purged entries, every tile of it."""
        waiting: deque[tuple[list[int], Future[Grown]]] = deque()
        for first in range(0, leaves, TILES_AT_ONCE * WIDTH):
            end = min(leaves, first + TILES_AT_ONCE * WIDTH)
            sizes = self._vouching.sizes(end)
            read = self._workers.submit(
                grown_from_tiles, first, end, sizes=sizes, folder=self._folder, covered=self._covered
            )
            waiting.append((sizes, read))
            if len(waiting) >= 2 * self._workers.processes:
                self._grow(*waiting.popleft())
        for each in waiting:
            self._grow(*each)

    def _grow(self, sizes: list[int], read: Future[Grown]) -> None:
        self._spine.add(read.result(), sizes)
        self._judge(self._spine.known)

    def _take(self, joined: Joined, parts: Parts) -> None:
        """Take the next part."""
        planned, reading = joined.planned, joined.reading
        if planned.begin == 0:
            self._lines = 0
            self._file_first = self._due.n
        if reading.fault is not None:
            raise reading.fault.further_on(self._lines)
        name = planned.path.name
        for notable in reading.notable:
            self._events.take(name, self._lines, notable)
        if reading.marked is not None:
            self._uncovered_at = f"{name}:{self._lines + reading.marked}"
        self._due.n, self._due.prev, self._due.opened = reading.n, reading.prev, reading.opened
        self._lines += reading.lines
        self._torn += reading.torn
        self._first_time = self._first_time or reading.first_time
        self._last_time = reading.last_time or self._last_time
        self._unfinished = reading.unfinished
        if self._published:
            self._spine.add(joined.added, joined.sizes)
            self._judge(self._spine.known)
        if planned.last and not planned.newest:
            digest = parts.digests.pop(planned.path)
            self._events.before = FileBefore(
                file=name, first=self._file_first, last=reading.n - 1, sha256=digest
            )
        self._octets_read += planned.end - planned.begin
        if self._progress is not None:
            self._progress(self._octets_read, self.octets)

    def _judge(self, end: int, *, ends: bool = False) -> None:
        try:
            self._vouching.judge(end, self._spine.roots)
            if ends:
                self._vouching.finish(end)
        except Broken as broken:
            raise self._named(broken) from None
        odd = self._spine.odd
        if odd is not None and (ends or self._vouching.largest > odd.entry):
            raise odd

    def _named(self, broken: Broken) -> Broken:
        """Where a root is not that of the lines: the line which the tiles know otherwise, if they do."""
        odd = self._spine.odd
        if broken.check != "tree" or odd is None or odd.text != OTHER_HASH or odd.entry >= broken.entry:
            return broken
        try:
            entry = locate(self._folder, odd.entry)
        except (EntryMissing, Broken):
            return odd
        text = f"not the line that the checkpoint over {broken.entry} entries covers"
        return Broken(file=entry.path.name, line=line_number(entry), entry=entry.n, check="tree", text=text)

    def _end(self, beginning: Beginning) -> dict[str, Any]:
        if self._due.n == 0:
            raise Broken(file=str(self._folder), line=0, entry=0, check="file", text="no entry at all")
        purges: list[Purge] = []
        if self._published:
            self._spine.finish()
            self._judge(self._due.n, ends=True)
            purges = self._purged(beginning)
            if self._since is not None:
                self._since.see(self._folder, self._vouching)
            self._see_vkey()
        return self._told(beginning, purges)

    def _purged(self, beginning: Beginning) -> list[Purge]:
        if beginning.n == 0 or beginning.file > 0:
            return []
        name, events = self._files[0][0].name, self._events
        return events.purges.of(beginning.n, events.first_day, file=name, covered=self._vouching.largest)

    def _see_vkey(self) -> None:
        keys = self._vouching.keys
        if self._vkey is None or keys is None or self._vkey in keys.signed:
            return
        if self._vouching.checkpoints == 0 and self._vkey == keys.in_force:
            return
        text = (
            "no checkpoint is signed by the verifier key that was given"
            if any(key.vkey == self._vkey for key in keys.known)
            else "the log's keys are others than the verifier key that was given"
        )
        raise Broken(file=self._files[0][0].name, line=1, entry=0, check="vkey", text=text)

    def _told(self, beginning: Beginning, purges: list[Purge]) -> dict[str, Any]:
        keys, vouching, genesis = self._vouching.keys, self._vouching, self._events.genesis
        skipped = beginning.n if beginning.file > 0 else 0
        return {
            "files": len(self._files),
            "entries": self._due.n,
            "torn": self._torn,
            "head": self._due.prev,
            "first_time": self._first_time,
            "last_time": self._last_time,
            "vkey": genesis["vkey"] if keys is None else keys.in_force,
            "origin": genesis["origin"] if keys is None else keys.origin,
            "vkey_checked": self._vkey is not None,
            "unfinished_octets": self._unfinished,
            "checkpoints": vouching.checkpoints,
            "covered": vouching.largest,
            "uncovered": self._due.n - vouching.largest,
            "uncovered_at": self._uncovered_at,
            "rotations": 0 if keys is None else len(keys.known) - 1,
            "keys_purged": vouching.by_purged_keys,
            "purged": beginning.n - skipped,
            "purges": tuple(purges),
            "skipped": skipped,
            "restart_decision": genesis.get("decision"),
        }
