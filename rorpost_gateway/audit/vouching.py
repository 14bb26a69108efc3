"""Whether every checkpoint is of this log: signed by the right key, with the root that the lines give.

The file is read twice, side by side with the lines: ahead of them for the sizes
whose roots are wanted, and behind them for the judgement. Signatures are checked in
batches, beside each other; what is found is told in the order of the file. Memory
does not depend on the number of checkpoints.

c2sp.org/tlog-checkpoint; c2sp.org/signed-note.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.checkpoints import (
    CHECKPOINT,
    CHECKPOINTS,
    Checkpoint,
    Listed,
    Stretch,
    checkpoint_broken,
    read_checkpoints,
)
from rorpost_gateway.audit.folder import Broken, sha256_of
from rorpost_gateway.audit.key_chain import KeyChain
from rorpost_gateway.audit.merkle import EMPTY_ROOT
from rorpost_gateway.audit.notes import NoteFault, parse_note, verify_note
from rorpost_gateway.audit.signatures import parse_vkey
from rorpost_gateway.audit.tiles import TileReader
from rorpost_gateway.audit.workers import Workers

BATCH = 64
REMEMBERED = 4096  # sizes, for checkpoints that stand there once more with witnesses' signatures
TORN = 10_000  # torn stretches of `checkpoints` that entries tell of


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """A checkpoint whose signatures are being checked; `root` is what the lines give, None where unknown."""

    listed: Listed
    root: bytes | None


def signers_of(octets: Sequence[bytes], vkeys: tuple[str, ...]) -> list[list[str] | str]:
    """For each note which of `vkeys` signed it; a text instead where a signature is wrong."""
    keys = [parse_vkey(vkey) for vkey in vkeys]
    names = {(key.name, key.key_id) for key in keys}
    found: list[list[str] | str] = []
    for each in octets:
        try:
            note = parse_note(each)
            known = any((one.name, one.key_id) in names for one in note.signatures)
            found.append([key.vkey for key in verify_note(note, keys)] if known else [])
        except NoteFault as fault:
            found.append(str(fault))
    return found


class Vouching:
    """Judges the folder's checkpoints, as they were when this was made."""

    def __init__(self, folder: Path, *, workers: Workers, end: int, shown: Checkpoint | None) -> None:
        self.checkpoints = 0  # that hold
        self.keys: KeyChain | None = None
        self.unsigned_before = 0  # sizes up to this one may be signed by keys whose entries were purged
        self.by_purged_keys = 0
        self.kept: Checkpoint | None = None  # the auditor's: no key that was replaced by then may sign later
        self._folder = folder
        self._workers = workers
        self._shown = shown
        self._none_shown = shown is None
        self._ahead = read_checkpoints(folder, end=end)
        self._next_size: int | None = None
        self._largest_ahead = 0
        self._behind = read_checkpoints(folder, end=end)
        self._held: Listed | None = None  # read, but beyond what the lines reach
        self.largest = 0  # of the sizes of those that hold
        self._largest_behind = 0  # of those that were read
        self._roots: OrderedDict[int, bytes] = OrderedDict()
        self._torn: dict[int, list[tuple[int, str]]] = {}
        self._torn_count = 0
        self._batches: deque[tuple[list[_Waiting], Future[list[list[str] | str]]]] = deque()
        self._skip_below = 0

    def close(self) -> None:
        """Close the file, however far it was read."""
        self._ahead.close()
        self._behind.close()

    def skip_below(self, size: int) -> None:
        """Leave out the checkpoints of smaller trees: they were judged before."""
        self._skip_below = size

    def sizes(self, end: int) -> list[int]:
        """The sizes up to `end` whose roots will be needed, and were not told of before, rising."""
        found = []
        size = self._next_size or self._read_ahead()
        while size is not None and size <= end:
            found.append(size)
            size = self._read_ahead()
        self._next_size = size
        return found

    @property
    def root(self) -> bytes:
        """The root of the largest tree among the checkpoints that hold."""
        return self._roots.get(self.largest, EMPTY_ROOT)

    def torn(self, offset: int, length: int, sha256: str, *, place: Broken) -> None:
        """Take a `torn` entry that tells of `checkpoints`. Raises Broken."""
        self._torn_count += 1
        if self._torn_count > TORN:
            raise place.because("torn", "it tells of more torn octets than there can be")
        self._torn.setdefault(offset, []).append((length, sha256))

    def judge(self, end: int, roots: dict[int, bytes]) -> None:
        """Judge the checkpoints up to size `end`, whose roots it takes out of `roots`. Raises Broken."""
        waiting: list[_Waiting] = []
        while (listed := self._held or self._read_behind()) is not None:
            self._held = None
            size = listed.checkpoint.size
            if size > end:
                self._held = listed
                break
            if size < self._skip_below:
                self._see_shown(listed.checkpoint)
                continue
            waiting.append(_Waiting(listed=listed, root=self._root_of(size, roots)))
            if len(waiting) >= BATCH:
                self._submit(waiting)
                waiting = []
        if waiting:
            self._submit(waiting)

    def finish(self, entries: int) -> None:
        """The log ends here: nothing may be left. Raises Broken."""
        listed = self._held or self._read_behind()
        if listed is not None:
            size = listed.checkpoint.size
            text = f"the checkpoint covers {size} entries, but the log has only {entries}"
            raise Broken(file=CHECKPOINTS, line=listed.line, entry=entries, check="tree", text=text)
        self._settle(at_most=0)
        if self._torn:
            offset = min(self._torn)
            raise checkpoint_broken(f"no torn octets at {offset}, where a torn entry tells of them", line=0)
        if self._none_shown and self.checkpoints > 1:
            # It is written right after the first, and never away from then on.
            raise checkpoint_broken("is not there", file=CHECKPOINT, line=0, entry=self.largest)
        if self._shown is not None:
            text = "is not among the checkpoints in the file of all of them"
            raise checkpoint_broken(text, file=CHECKPOINT, line=1, entry=self._shown.size)

    def _root_of(self, size: int, roots: dict[int, bytes]) -> bytes | None:
        root = roots.pop(size, None)
        self._largest_behind = max(self._largest_behind, size)
        if root is not None:
            self._roots[size] = root
            if len(self._roots) > REMEMBERED:
                self._roots.popitem(last=False)
        if size not in self._roots and size < self._largest_behind:
            # Once more after a long time. The tiles have been compared with the lines up to there.
            return TileReader(self._folder).root(size)
        return self._roots.get(size, EMPTY_ROOT if size == 0 else None)

    def _read_ahead(self) -> int | None:
        for listed in self._ahead:
            if isinstance(listed, Listed) and listed.checkpoint.size > self._largest_ahead:
                self._largest_ahead = listed.checkpoint.size
                if self._largest_ahead >= self._skip_below:
                    return self._largest_ahead
        return None

    def _read_behind(self) -> Listed | None:
        listed = next(self._behind, None)
        if isinstance(listed, Stretch):
            self._see_torn_end(listed)
            return None
        return listed

    def _submit(self, waiting: list[_Waiting]) -> None:
        if self.keys is None:
            raise checkpoint_broken("no key is known for it", line=waiting[0].listed.line)
        vkeys = tuple(key.vkey for key in self.keys.known)
        octets = [each.listed.checkpoint.octets for each in waiting]
        self._batches.append((waiting, self._workers.submit(signers_of, octets, vkeys)))
        self._settle(at_most=4 * self._workers.processes)

    def _settle(self, *, at_most: int) -> None:
        while len(self._batches) > at_most:
            waiting, future = self._batches.popleft()
            for each, signers in zip(waiting, future.result(), strict=True):
                self._settle_one(each, signers)

    def _settle_one(self, waiting: _Waiting, signers: list[str] | str) -> None:
        listed = waiting.listed
        checkpoint = listed.checkpoint
        if listed.torn is not None:
            self._see_torn(listed, listed.torn)
        if self.keys is None or checkpoint.origin != self.keys.origin:
            raise self._broken(listed, "checkpoint", "a checkpoint of another log")
        if isinstance(signers, str):
            raise self._broken(listed, "signature", signers)
        if not self._signed(checkpoint.size, signers):
            raise self._broken(listed, "signature", "not signed by the key in force")
        if checkpoint.root != waiting.root:
            raise self._broken(listed, "tree", "its root is not that of the lines it covers")
        self.largest = max(self.largest, checkpoint.size)
        self.checkpoints += 1
        self._see_shown(checkpoint)

    def _see_shown(self, checkpoint: Checkpoint) -> None:
        if self._shown is not None and self._shown.octets == checkpoint.octets:
            self._shown = None

    def _signed(self, size: int, signers: list[str]) -> bool:
        keys = self.keys
        if keys is None:
            return False
        if size < self.largest:
            return bool(signers)  # once more, with witnesses' signatures: by the key of its time
        if not signers and size <= self.unsigned_before and not keys.signed:
            self.by_purged_keys += 1
            return True
        return keys.signed_by(size, signers) and self._by_a_key_that_was_not_replaced(size, keys)

    def _by_a_key_that_was_not_replaced(self, size: int, keys: KeyChain) -> bool:
        if self.kept is None or size < self.kept.size:
            return True
        (signers,) = signers_of([self.kept.octets], tuple(key.vkey for key in keys.known))
        self.kept = None
        return isinstance(signers, str) or keys.not_replaced_before(signers)

    def _see_torn(self, listed: Listed, torn: Stretch) -> None:
        for length, sha256 in self._torn.pop(torn.offset, []):
            if length == torn.length and sha256_of(self._folder / CHECKPOINTS, torn.offset, length) == sha256:
                return
        raise self._broken(listed, "checkpoint", "no torn entry tells of the octets before it")

    def _see_torn_end(self, torn: Stretch) -> None:
        """Octets that no checkpoint follows: the next start will tell of them, or has already."""
        told = self._torn.pop(torn.offset, [])
        path = self._folder / CHECKPOINTS
        for length, sha256 in told:
            if length <= torn.length and sha256_of(path, torn.offset, length) == sha256:
                return
        if told:
            raise checkpoint_broken("the octets at its end are not those that a torn entry tells of", line=0)

    def _broken(self, listed: Listed, check: str, text: str) -> Broken:
        return Broken(
            file=CHECKPOINTS, line=listed.line, entry=listed.checkpoint.size, check=check, text=text
        )
