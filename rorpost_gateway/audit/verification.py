"""One verification: the parts of the log joined in order, and everything that goes beyond a part.

Lines and their chain come from `reading`, the tree from `growth`, checkpoints from
`vouching`, missing files from `purges`. Here is only what holds them together: what
is due where a part ends, what one file says of the one before, and the last words.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.beginning import Beginning, begin, keys_before, keys_where_purged
from rorpost_gateway.audit.checkpoints import CHECKPOINTS, newest_size, read_checkpoint
from rorpost_gateway.audit.entries import EntryMissing, line_number, locate
from rorpost_gateway.audit.folder import Broken, day_files, sha256_of
from rorpost_gateway.audit.growth import OTHER_HASH, Grown, Spine, grown, grown_from_tiles
from rorpost_gateway.audit.key_chain import KeyChain, KeyChainFault
from rorpost_gateway.audit.plan import Claim, Planned, plan
from rorpost_gateway.audit.purges import Purge, Purges
from rorpost_gateway.audit.reading import ZEROS, Notable, Part, Reading, read_part
from rorpost_gateway.audit.since import Since
from rorpost_gateway.audit.tiles import WIDTH, TileReader
from rorpost_gateway.audit.vouching import Vouching
from rorpost_gateway.audit.workers import Workers

LEAST_LINE_OCTETS = 128  # no entry takes less
TILES_AT_ONCE = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class _Ahead:
    """A part that is being read, and what for: `read` is None where it must wait for what is before it."""

    planned: Planned
    sizes: list[int]
    read: Future[tuple[Reading, Grown]] | None


@dataclass(frozen=True, kw_only=True)
class _Before:
    """The file before, as the `day` entry of the next must tell of it."""

    file: str
    first: int
    last: int
    sha256: Future[str]


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
        self._n = 0
        self._prev = ZEROS
        self._opened = False
        self._lines = 0  # of the file that is being read
        self._file_first = 0
        self._torn = 0
        self._first_time = self._last_time = ""
        self._unfinished = 0
        self._uncovered_at: str | None = None
        self._before: _Before | None = None
        self._digests: dict[Path, Future[str]] = {}
        self._genesis: dict[str, Any] = {}
        self._first_day: dict[str, Any] = {}
        self._purges = Purges()

    def run(self, workers: Workers) -> dict[str, Any]:
        """What `Verified` says. Raises Broken, OSError."""
        if self._since is not None:
            self._since.see_size(self._covered)
        self._workers = workers
        self._spine = Spine(self._folder, covered=self._covered)
        self._vouching = Vouching(self._folder, workers=workers, end=self._checkpoints_end, shown=self._shown)
        beginning = self._begin()
        ahead: deque[_Ahead] = deque()
        planned = list(self._files[beginning.file :])
        following = plan(planned)
        upcoming = next(following, None)
        while upcoming is not None:
            current, upcoming = upcoming, next(following, None)
            ahead.append(self._send(current, None if upcoming is None else upcoming.claim))
            if len(ahead) >= 2 * workers.processes:
                self._join(ahead.popleft())
        while ahead:
            self._join(ahead.popleft())
        return self._end(beginning)

    def _begin(self) -> Beginning:
        """Where reading begins: with the genesis entry, or where files are missing or need not be read."""
        if not self._published:
            return Beginning(file=0, n=0)
        beginning = begin(self._files, covered=self._covered, since=self._since)
        self._n = beginning.n
        self._spine_begins(beginning)
        if beginning.n:
            self._vouching.keys = self._keys_before(beginning)
            self._prev = TileReader(self._folder).leaf(beginning.n - 1, self._covered).hex()
        return beginning

    def _spine_begins(self, beginning: Beginning) -> None:
        """The tree of what is not read, from the tiles."""
        if self._since is not None:
            self._vouching.kept = self._since.checkpoint
        if beginning.file > 0:
            self._vouching.skip_below(beginning.n + 1)
            self._spine.begin(TileReader(self._folder), beginning.n, covered=self._covered)
            return
        self._vouching.unsigned_before = beginning.n
        waiting: deque[tuple[list[int], Future[Grown]]] = deque()
        for first in range(0, beginning.n, TILES_AT_ONCE * WIDTH):
            end = min(beginning.n, first + TILES_AT_ONCE * WIDTH)
            sizes = self._vouching.sizes(end)
            read = self._workers.submit(
                grown_from_tiles, first, end, sizes=sizes, folder=self._folder, covered=self._covered
            )
            waiting.append((sizes, read))
            if len(waiting) >= 2 * self._workers.processes:
                sizes, read = waiting.popleft()
                self._spine.add(read.result(), sizes)
        for sizes, read in waiting:
            self._spine.add(read.result(), sizes)

    def _send(self, planned: Planned, following: Claim | None) -> _Ahead:
        """Give a part to a process, where entries themselves say what is due there and where it ends."""
        path = planned.path
        if planned.begin == 0 and not planned.newest:
            size = next(size for each, size in self._files if each == path)
            self._digests[path] = self._workers.submit(sha256_of, path, 0, size)
        claim = planned.claim
        if self._workers.processes == 1 or claim is None or following is None:
            return _Ahead(planned=planned, sizes=[], read=None)
        if not 0 <= following.n - claim.n <= (planned.end - planned.begin) // LEAST_LINE_OCTETS:
            return _Ahead(planned=planned, sizes=[], read=None)
        part = self._part(planned, claim.n, claim.prev, opened=planned.begin > 0)
        sizes = self._vouching.sizes(following.n) if self._published else []
        read = self._workers.submit(
            _read_and_grow, part, sizes, self._folder, self._covered if self._published else None
        )
        return _Ahead(planned=planned, sizes=sizes, read=read)

    def _join(self, ahead: _Ahead) -> None:
        """Take the next part."""
        planned = ahead.planned
        if planned.begin == 0:
            self._opened = False
            self._lines = 0
            self._file_first = self._n
        reading, added = self._read(ahead)
        if reading.fault is not None:
            raise reading.fault.further_on(self._lines)
        for notable in reading.notable:
            self._note(planned.path.name, notable)
        if reading.marked is not None:
            self._uncovered_at = f"{planned.path.name}:{self._lines + reading.marked}"
        self._n, self._prev, self._opened = reading.n, reading.prev, reading.opened
        self._lines += reading.lines
        self._torn += reading.torn
        self._first_time = self._first_time or reading.first_time
        self._last_time = reading.last_time or self._last_time
        self._unfinished = reading.unfinished
        if self._published:
            self._spine.add(added, ahead.sizes)
            self._judge(self._spine.known)
        if planned.last and not planned.newest:
            self._before = _Before(
                file=planned.path.name,
                first=self._file_first,
                last=self._n - 1,
                sha256=self._digests.pop(planned.path),
            )
        self._octets_read += planned.end - planned.begin
        if self._progress is not None:
            self._progress(self._octets_read, self.octets)

    def _read(self, ahead: _Ahead) -> tuple[Reading, Grown]:
        planned = ahead.planned
        claim = planned.claim
        due = (self._n, self._prev, self._opened)
        if ahead.read is not None and claim is not None and due == (claim.n, claim.prev, planned.begin > 0):
            return ahead.read.result()
        part = self._part(planned, self._n, self._prev, opened=self._opened)
        reading = read_part(part)
        if not self._published or reading.fault is not None:
            return reading, Grown(head=[], tiles=[], tail=[])
        ahead.sizes.extend(self._vouching.sizes(reading.n))
        return _grow(reading, ahead.sizes, self._folder, self._covered)

    def _part(self, planned: Planned, n: int, prev: str, *, opened: bool) -> Part:
        first = planned.path == self._files[0][0] and not self._n and self._before is None
        return Part(
            path=planned.path,
            begin=planned.begin,
            end=planned.end,
            n=n,
            prev=prev,
            opening="genesis" if first and n == 0 else "day",
            opened=opened,
            newest=planned.newest,
            last=planned.last,
            mark=self._covered if self._published else None,
        )

    def _note(self, file: str, notable: Notable) -> None:
        """Take an entry that concerns more than its own place."""
        entry = notable.entry
        place = Broken(file=file, line=self._lines + notable.line, entry=entry["n"], check="key", text="")
        match entry["event"]:
            case "genesis":
                self._take_genesis(entry, place)
            case "day":
                self._take_day(entry, place)
            case "key":
                self._take_key(entry, place)
            case "torn":
                if not self._published:
                    raise place.because("torn", "there is no file of checkpoints")
                self._vouching.torn(entry["offset"], entry["length"], entry["sha256"], place=place)
            case _:
                if not self._purges.told(entry["n"], entry):
                    raise place.because("purged", "it tells of more files than there can be")

    def _take_genesis(self, entry: dict[str, Any], place: Broken) -> None:
        self._genesis = entry
        if self._published:
            try:
                self._vouching.keys = KeyChain(entry["vkey"], origin=entry["origin"])
            except KeyChainFault as fault:
                raise place.because("key", str(fault)) from None
        elif self._vkey not in (None, entry["vkey"]):
            raise place.because("vkey", "the genesis entry names another verifier key")

    def _take_day(self, entry: dict[str, Any], place: Broken) -> None:
        before = self._before
        if before is None:
            self._first_day = entry
            return
        told = tuple(entry[name] for name in ("file", "first", "last", "sha256"))
        if told != (before.file, before.first, before.last, before.sha256.result()):
            raise place.because("day", "the file before is not as the day entry tells of it")

    def _take_key(self, entry: dict[str, Any], place: Broken) -> None:
        keys = self._vouching.keys
        if keys is None:
            raise place.because("key", "a change of key in a log without checkpoints")
        try:
            keys.rotated(entry["n"], entry)
        except KeyChainFault as fault:
            raise place.because("key", str(fault)) from None

    def _keys_before(self, beginning: Beginning) -> KeyChain:
        try:
            if beginning.file == 0 or self._since is None:
                return keys_where_purged(self._files, vkey=self._vkey)
            return keys_before(self._files, beginning, vkey=self._vkey, since=self._since)
        except KeyChainFault as fault:
            name = self._files[0][0].name
            raise Broken(file=name, line=0, entry=0, check="key", text=str(fault)) from None

    def _judge(self, end: int, *, ends: bool = False) -> None:
        try:
            self._vouching.judge(end, self._spine.roots)
            if ends:
                self._vouching.finish(end)
        except Broken as broken:
            raise self._named(broken) from None
        odd = self._spine.odd
        if odd is not None and self._vouching.largest > odd.entry:
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
        if self._n == 0:
            raise Broken(file=str(self._folder), line=0, entry=0, check="file", text="no entry at all")
        purges: list[Purge] = []
        if self._published:
            self._spine.finish()
            self._judge(self._n, ends=True)
            if self._spine.odd is not None:
                raise self._spine.odd
            purges = self._purged(beginning)
            if self._since is not None:
                self._since.see(self._folder, self._vouching)
            self._see_vkey()
        return self._told(beginning, purges)

    def _purged(self, beginning: Beginning) -> list[Purge]:
        if beginning.n == 0 or beginning.file > 0:
            return []
        name = self._files[0][0].name
        return self._purges.of(beginning.n, self._first_day, file=name, covered=self._vouching.largest)

    def _see_vkey(self) -> None:
        keys = self._vouching.keys
        if self._vkey is None or keys is None or self._vkey in keys.signed:
            return
        if self._vouching.checkpoints == 0 and self._vkey == keys.in_force:
            return
        known = any(key.vkey == self._vkey for key in keys.known)
        text = (
            "no checkpoint is signed by the verifier key that was given"
            if known
            else "the log's keys are others than the verifier key that was given"
        )
        raise Broken(file=self._files[0][0].name, line=1, entry=0, check="vkey", text=text)

    def _told(self, beginning: Beginning, purges: list[Purge]) -> dict[str, Any]:
        keys, vouching = self._vouching.keys, self._vouching
        skipped = beginning.n if beginning.file > 0 else 0
        return {
            "files": len(self._files),
            "entries": self._n,
            "torn": self._torn,
            "head": self._prev,
            "first_time": self._first_time,
            "last_time": self._last_time,
            "vkey": self._genesis["vkey"] if keys is None else keys.in_force,
            "origin": self._genesis["origin"] if keys is None else keys.origin,
            "vkey_checked": self._vkey is not None,
            "unfinished_octets": self._unfinished,
            "checkpoints": vouching.checkpoints,
            "covered": vouching.largest,
            "uncovered": self._n - vouching.largest,
            "uncovered_at": self._uncovered_at,
            "rotations": 0 if keys is None else len(keys.known) - 1,
            "keys_purged": vouching.by_purged_keys,
            "purged": beginning.n - skipped,
            "purges": tuple(purges),
            "skipped": skipped,
            "restart_decision": self._genesis.get("decision"),
        }


def _read_and_grow(part: Part, sizes: list[int], folder: Path, covered: int | None) -> tuple[Reading, Grown]:
    """In a process of its own: a part, and what it adds to the tree (nothing where `covered` is None)."""
    reading = read_part(part)
    if covered is None or reading.fault is not None:
        reading.leaves = []
        return reading, Grown(head=[], tiles=[], tail=[])
    return _grow(reading, sizes, folder, covered)


def _grow(reading: Reading, sizes: list[int], folder: Path, covered: int) -> tuple[Reading, Grown]:
    added = grown(reading.first, reading.leaves, sizes=sizes, folder=folder, covered=covered)
    reading.leaves = []
    return reading, added
