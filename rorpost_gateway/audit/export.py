"""The log as a complete tlog-tiles folder, which tools that know nothing of this gateway can verify.

    checkpoint                       the newest one, as it was signed
    tile/<L>/<N>[.p/<W>]             hash tiles
    tile/entries/<N>[.p/<W>]         entry bundles: each line after its length, two octets, big-endian

The tiles are made anew from the lines, not copied; `checkpoint` is written last, and
only if its root is the root over what was written. Of purged entries the folder's
own tiles give the leaf hashes; bundles that would hold one are left out, as the
format allows for entries below a minimum index.

c2sp.org/tlog-tiles; RFC 6962, section 2.1.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.blocks import LINE_OCTETS, blocks, lines
from rorpost_gateway.audit.checkpoints import CHECKPOINT, Checkpoint, checkpoint_broken, read_checkpoint
from rorpost_gateway.audit.folder import Broken, day_files
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.merkle import leaf_hash
from rorpost_gateway.audit.merkle import root as root_over
from rorpost_gateway.audit.tiles import FOLDER, WIDTH, TileReader, tile_name

FILE_MODE = 0o640
FOLDER_MODE = 0o750

_NUMBER = re.compile(rb'\{"n":(0|[1-9][0-9]{0,18}),"prev":"([0-9a-f]{64})",')


@dataclass(frozen=True, kw_only=True)
class Export:
    """What can be exported: the entries that `checkpoint` covers; those before `first` are purged."""

    folder: Path
    checkpoint: Checkpoint
    first: int

    @property
    def entries(self) -> int:
        return max(0, self.checkpoint.size - self.first)


def plan(folder: Path) -> Export:
    """Look at what there is. Raises Broken where there is no checkpoint, or no entry."""
    checkpoint = read_checkpoint(folder)
    if checkpoint is None:
        raise checkpoint_broken("there is no checkpoint yet", file=CHECKPOINT, line=0)
    first = next((number for number, _, _ in _numbered(folder)), None)
    if first is None:
        raise Broken(file=str(folder), line=0, entry=0, check="file", text="no entry at all")
    return Export(folder=folder, checkpoint=checkpoint, first=first)


def write(export: Export, target: Path) -> None:
    """Write the export into `target`, an empty folder. Raises Broken where the log does not hold, OSError.

    What was written is taken away again if it could not be finished.
    """
    try:
        _write_tiles(export, target)
        _write(target / CHECKPOINT, export.checkpoint.octets)
    except BaseException:
        shutil.rmtree(target / FOLDER, ignore_errors=True)
        raise


def _write_tiles(export: Export, target: Path) -> None:
    size = export.checkpoint.size
    tiles, bundles, known = _Tiles(target), _Bundles(target), TileReader(export.folder)
    for n in range(min(export.first, size)):
        tiles.add(known.leaf(n, size))
        bundles.add(None)
    for line in _entries(export):
        tiles.add(leaf_hash(line))
        bundles.add(line)
    tiles.end()
    bundles.end()
    if tiles.size < size:
        text = f"it covers {size} entries, but entry {tiles.size} does not follow in the chain"
        raise checkpoint_broken(text, file=CHECKPOINT, line=1, entry=tiles.size)
    if TileReader(target).root(size) != export.checkpoint.root:
        text = f"its root is not that of the log's {size} entries"
        raise checkpoint_broken(text, file=CHECKPOINT, line=1, entry=size)


def _entries(export: Export) -> Iterator[bytes]:
    """The lines of the entries that the checkpoint covers, as the chain has them.

    Torn octets are passed over. A line is taken for entry n if the next one names its
    hash; torn octets may look like one, but no entry names theirs. Only the root says
    in the end that all of them are right.
    """
    due, held, leaf = export.first, b"", ""
    for number, prev, line in _numbered(export.folder):
        if held and number == due + 1 and prev == leaf:
            yield held
            due += 1
        elif number != due:
            continue
        if due >= export.checkpoint.size:
            return
        held, leaf = line, leaf_hash(line).hex()
    if held:
        yield held


def _numbered(folder: Path) -> Iterator[tuple[int, str, bytes]]:
    """What may be an entry, with its number and `prev`; without its newline."""
    for path in day_files(folder):
        for block in blocks(path):
            for _, line in lines(block):
                if len(line) >= LINE_OCTETS:
                    continue
                match = _NUMBER.match(line)
                if match is not None and line.endswith(b"}"):
                    yield int(match[1]), match[2].decode("ascii"), line
                    continue
                try:
                    entry = parse_line(line)
                except LineFault:
                    continue
                yield entry["n"], entry["prev"], line


class _Tiles:
    """Hash tiles as they grow; a full one becomes a hash of the level above."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._open: list[list[bytes]] = []  # by level, the hashes of the tile that is not full yet
        self._full: list[int] = []  # by level, how many are
        self.size = 0

    def add(self, leaf: bytes) -> None:
        self.size += 1
        self._add(0, leaf)

    def end(self) -> None:
        """Write what is not full."""
        for level, hashes in enumerate(self._open):
            if hashes:
                self._write(level, hashes)

    def _add(self, level: int, node: bytes) -> None:
        if level == len(self._open):
            self._open.append([])
            self._full.append(0)
        hashes = self._open[level]
        hashes.append(node)
        if len(hashes) == WIDTH:
            self._write(level, hashes)
            self._full[level] += 1
            above = root_over(hashes)
            hashes.clear()
            self._add(level + 1, above)

    def _write(self, level: int, hashes: list[bytes]) -> None:
        _write(self._target / tile_name(level, self._full[level], len(hashes)), b"".join(hashes))


class _Bundles:
    """Entry bundles as they grow; one that lacks an entry is not written."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._index = 0
        self._lines: list[bytes | None] = []

    def add(self, line: bytes | None) -> None:
        """The next entry; None for one that is purged."""
        self._lines.append(line)
        if len(self._lines) == WIDTH:
            self.end()

    def end(self) -> None:
        held = [line for line in self._lines if line is not None]
        if held and len(held) == len(self._lines):
            name = tile_name(0, self._index, len(held)).replace(f"{FOLDER}/0/", f"{FOLDER}/entries/", 1)
            _write(self._target / name, b"".join(len(line).to_bytes(2, "big") + line for line in held))
        self._index += 1
        self._lines.clear()


def _write(path: Path, octets: bytes) -> None:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.write_bytes(octets)
    path.chmod(FILE_MODE)
