"""Checkpoints as an auditor reads them: one note, and the file with all of them.

`checkpoints` holds notes one after the other with nothing between them. What is no
whole note there was torn by a crash; it is handed on as a `Stretch` for whoever
reads the lines, since only a `torn` entry in the log can excuse it. Memory does not
depend on the length of the file.

c2sp.org/tlog-checkpoint; c2sp.org/signed-note.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rorpost_gateway.audit.folder import Broken, open_file
from rorpost_gateway.audit.merkle import HASH_OCTETS
from rorpost_gateway.audit.notes import MARK, NOTE_OCTETS, Note, NoteFault, decode_base64, parse_note

CHECKPOINT = "checkpoint"
CHECKPOINTS = "checkpoints"
LARGEST_SIZE = (1 << 63) - 1

_SIZE = re.compile(rb"0|[1-9][0-9]{0,18}")
_TEXT_LINES = 3
_OWN_OCTETS = 64  # of the log's own signature, without its key id


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The head of a tree of `size` leaves. `octets` is the signed note as it was read."""

    origin: str
    size: int
    root: bytes
    note: Note
    octets: bytes


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Octets of `checkpoints` that are no note; `length` is without the newline that closes them."""

    offset: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A checkpoint and where it stands: its first line, counted from 1; what is torn right before it."""

    checkpoint: Checkpoint
    line: int
    torn: Stretch | None


def parse_checkpoint(octets: bytes) -> Checkpoint:
    """Read one checkpoint, whose signatures are not looked at. Raises NoteFault."""
    note = parse_note(octets)
    lines = note.text.split(b"\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise NoteFault("a checkpoint with less than three lines, or an empty one")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size) or int(size) > LARGEST_SIZE:
        raise NoteFault("a checkpoint whose size is no number")
    digest = decode_base64(root)
    if len(digest) != HASH_OCTETS:
        raise NoteFault("a checkpoint whose root is no hash")
    return Checkpoint(origin=origin.decode("utf-8"), size=int(size), root=digest, note=note, octets=octets)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint, from the file `checkpoint`; None where there is none. Raises Broken."""
    path = folder / CHECKPOINT
    if not path.exists() and not path.is_symlink():
        return None
    with open_file(path) as file:
        octets = file.read(NOTE_OCTETS + 1)
    try:
        return parse_checkpoint(octets)
    except NoteFault as fault:
        raise checkpoint_broken(str(fault), file=CHECKPOINT, line=1) from None


def read_checkpoints(folder: Path, *, end: int | None = None) -> Generator[Listed | Stretch]:
    """Every checkpoint in the folder's file `checkpoints`, in its order; none where it is missing.

    Torn octets at the end, which no note follows, come as a Stretch of their own.
    `end` is where to stop, in octets. Whoever does not read to the end closes it. Raises Broken.
    """
    path = folder / CHECKPOINTS
    if not path.exists() and not path.is_symlink():
        return
    with open_file(path) as file:
        yield from _listed(file, 1 << 63 if end is None else end)


def newest_size(folder: Path, *, end: int) -> int:
    """The largest size that the last octets of `checkpoints` before `end` tell of; 0 where there is none."""
    path = folder / CHECKPOINTS
    if not path.exists() and not path.is_symlink():
        return 0
    with open_file(path) as file:
        begin = max(0, end - 2 * NOTE_OCTETS)
        file.seek(begin)
        found = _listed(file, end - begin)
        return max((each.checkpoint.size for each in found if isinstance(each, Listed)), default=0)


def checkpoint_broken(text: str, *, line: int, entry: int = 0, file: str = CHECKPOINTS) -> Broken:
    return Broken(file=file, line=line, entry=entry, check="checkpoint", text=text)


def _listed(file: BinaryIO, end: int) -> Iterator[Listed | Stretch]:
    torn_at: int | None = None
    for block in _blocks(file, end):
        found = _whole(block)
        if torn_at is None and (found is None or found.offset > block.offset):
            torn_at = block.offset
        if found is None:
            if torn_at is not None and block.end - torn_at > NOTE_OCTETS:
                raise checkpoint_broken("octets that are no checkpoint", line=block.line)
            continue
        torn = None if torn_at is None else Stretch(offset=torn_at, length=found.offset - 1 - torn_at)
        yield Listed(checkpoint=found.checkpoint, line=found.line, torn=torn)
        torn_at = None
    if torn_at is not None:
        yield Stretch(offset=torn_at, length=block.end - torn_at - block.lines[-1].endswith(b"\n"))


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Lines that may end with one note. `line` is the number of the first."""

    lines: list[bytes]
    offset: int
    line: int

    @property
    def end(self) -> int:
        return self.offset + sum(map(len, self.lines))


@dataclass(frozen=True, kw_only=True)
class _Found:
    checkpoint: Checkpoint
    offset: int
    line: int


def _blocks(file: BinaryIO, end: int) -> Iterator[_Block]:
    """Cut the file behind signature lines: a note ends there, and nowhere else."""
    lines: list[bytes] = []
    offset = at = 0
    number = 1
    signed = False
    while at < end and (line := file.readline(min(NOTE_OCTETS + 1, end - at))):
        if signed and not line.startswith(MARK):
            yield _Block(lines=lines, offset=offset, line=number - len(lines))
            lines, offset, signed = [], at, False
        signed = line.startswith(MARK) and (signed or lines[-1:] == [b"\n"])
        lines.append(line)
        at += len(line)
        number += 1
        if at - offset > NOTE_OCTETS:
            raise checkpoint_broken("octets that are no checkpoint", line=number - len(lines))
    if lines:
        yield _Block(lines=lines, offset=offset, line=number - len(lines))


def _whole(block: _Block) -> _Found | None:
    """The checkpoint that ends a block, with the log's own signature; None where there is none.

    It has three lines of text, so that what is torn before it cannot be taken for a part of it.
    """
    blank = max((at for at, line in enumerate(block.lines) if line == b"\n"), default=0)
    if blank < _TEXT_LINES:
        return None
    before = block.lines[: blank - _TEXT_LINES]
    try:
        checkpoint = parse_checkpoint(b"".join(block.lines[blank - _TEXT_LINES :]))
    except NoteFault:
        return None
    if not any(
        signature.name == checkpoint.origin and len(signature.octets) == _OWN_OCTETS
        for signature in checkpoint.note.signatures
    ):
        return None
    return _Found(
        checkpoint=checkpoint, offset=block.offset + sum(map(len, before)), line=block.line + len(before)
    )
