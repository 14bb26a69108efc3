"""Compound files: the container of Word, Excel and PowerPoint before 2007, of Outlook's .msg, of installers.

Read-only and bounded by the file's own size: every chain of sectors is followed for at most as many
steps as there are sectors, and the tree of folders is walked once. [MS-CFB].
"""

import struct
import sys
from array import array
from dataclasses import dataclass, field
from typing import Final

from rorpost_gateway.content.entries import Budget, Closed
from rorpost_gateway.content.kinds import Octets

_HEADER = struct.Struct("<8s16xHHHHH6xLLLLLLLLL")
_ENTRY_OCTETS: Final = 128
_LAST_SECTOR: Final = 0xFFFFFFFA
_NOTHING: Final = 0xFFFFFFFF
_MOST_NODES: Final = 20_000
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True, kw_only=True)
class Node:
    """A folder (storage) or a file (stream) in the tree; `path` is its name and those of what it lies in."""

    path: tuple[str, ...] = field(repr=False)
    is_stream: bool
    start: int
    size: int

    @property
    def name(self) -> str:
        return self.path[-1]


class CompoundFile:
    """One compound file. Raises Closed for what does not hold, when it is made or when it is read."""

    def __init__(self, octets: Octets, budget: Budget) -> None:
        if len(octets) < 512:
            raise Closed("cut off")
        header = _HEADER.unpack_from(octets)
        _, _, _, order, shift, small_shift, _, fat_count, first_folder, *rest = header
        _, cutoff, first_small, small_count, first_more, more_count = rest
        if order != 0xFFFE or shift not in (9, 12) or small_shift != 6 or cutoff != 4096:
            raise Closed("not a compound file")
        self._octets, self._shift, self._budget = octets, shift, budget
        self._sectors = max(0, (len(octets) - 1) // (1 << shift))
        self._fat = self._read_fat(fat_count, first_more, more_count)
        self._small_fat = _numbers(self._read(first_small, self._fat) if small_count else b"")
        folders = self._read(first_folder, self._fat)
        if len(folders) < _ENTRY_OCTETS:
            raise Closed("no folders")
        self.class_id = folders[80:96]
        start, size = struct.unpack_from("<LL", folders, 116)
        self._small = self._read(start, self._fat)[:size] if size else b""
        self.nodes = tuple(_walk(folders))

    def read(self, node: Node, most: int | None = None) -> bytes:
        """The content of a stream, or its first `most` octets."""
        size = node.size if most is None else min(node.size, most)
        self._budget.take_octets(size)
        if node.size >= 4096:
            content = self._read(node.start, self._fat, most=size)
        else:
            content = self._read_small(node.start, size)
        if len(content) < size:
            raise Closed("a stream that is cut off")
        return content[:size]

    def _read_fat(self, fat_count: int, first_more: int, more_count: int) -> "array[int]":
        places = list(struct.unpack_from("<109L", self._octets, 76))
        sector = first_more
        if max(fat_count, more_count) > self._sectors:
            raise Closed("more sectors than there are")
        for _ in range(more_count):
            if sector >= _LAST_SECTOR:
                break
            numbers = _numbers(self._sector(sector))
            places += numbers[:-1]
            sector = numbers[-1]
        used = [place for place in places[:fat_count] if place < _LAST_SECTOR]
        return _numbers(b"".join(map(self._sector, used)))

    def _sector(self, number: int) -> bytes:
        start = (number + 1) << self._shift
        if number >= self._sectors:
            raise Closed("a sector beyond the end")
        return bytes(self._octets[start : start + (1 << self._shift)])

    def _read(self, start: int, table: "array[int]", most: int | None = None) -> bytes:
        """The sectors of a chain, put together; it is no longer than the file."""
        wanted = self._sectors if most is None else -(-most // (1 << self._shift))
        pieces: list[bytes] = []
        sector = start
        while sector < _LAST_SECTOR and len(pieces) < wanted:
            pieces.append(self._sector(sector))
            sector = table[sector] if sector < len(table) else _NOTHING
        if most is None and sector < _LAST_SECTOR:
            raise Closed("a chain without an end")
        return b"".join(pieces)

    def _read_small(self, start: int, size: int) -> bytes:
        pieces: list[bytes] = []
        sector = start
        while sector < len(self._small_fat) and len(pieces) << 6 < size:
            pieces.append(self._small[sector << 6 : (sector + 1) << 6])
            sector = self._small_fat[sector]
        return b"".join(pieces)


def _numbers(octets: bytes) -> "array[int]":
    numbers = array("I")
    numbers.frombytes(octets[: len(octets) & ~3])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _walk(folders: bytes) -> list[Node]:
    """Every node of the tree below the root, each once."""
    count = len(folders) // _ENTRY_OCTETS
    found: list[Node] = []
    seen: set[int] = {0}
    waiting: list[tuple[int, tuple[str, ...]]] = [(_links(folders, 0)[2], ())]
    while waiting:
        index, above = waiting.pop()
        if index == _NOTHING:
            continue
        if index >= count or index in seen or len(above) > 30:
            raise Closed("a tree that is none")
        seen.add(index)
        if len(seen) > _MOST_NODES:
            raise Closed("too many folders and files")
        at = index * _ENTRY_OCTETS
        length, kind = struct.unpack_from("<HB", folders, at + 64)
        if kind not in (_STORAGE, _STREAM) or length > 64:
            raise Closed("an entry of an unknown kind")
        path = (*above, folders[at : at + max(0, length - 2)].decode("utf-16-le", "replace"))
        start, size = struct.unpack_from("<LL", folders, at + 116)
        found.append(Node(path=path, is_stream=kind == _STREAM, start=start, size=size))
        left, right, child = _links(folders, index)
        waiting += [(left, above), (right, above)]
        if kind == _STORAGE:
            waiting.append((child, path))
    return found


def _links(folders: bytes, index: int) -> tuple[int, int, int]:
    left, right, child = struct.unpack_from("<LLL", folders, index * _ENTRY_OCTETS + 68)
    return left, right, child
