"""How the writer reads its own files again: in lines of bounded length, never more at once."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from rorpost_gateway.decision_log.line import LINE_OCTETS
from rorpost_gateway.errors import LogDamaged

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A line without its newline, or a part of one that is longer than a line may be."""

    octets: bytes
    begins: bool
    closed: bool

    @property
    def whole(self) -> bool:
        return self.begins and len(self.octets) < LINE_OCTETS


def damaged(path: Path, line: int, entry: int, text: str) -> NoReturn:
    raise LogDamaged("the decision log does not hold", private=f"{path}:{line}: entry {entry}: {text}")


def open_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def pieces(file: BinaryIO) -> Iterator[Piece]:
    begins = True
    while octets := file.readline(LINE_OCTETS + 1):
        closed = octets.endswith(b"\n")
        yield Piece(octets=octets.removesuffix(b"\n"), begins=begins, closed=closed)
        begins = closed


def parse_object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def object_and_more(line: bytes) -> bool:
    # Zero bytes behind a line are what some file systems leave of a write that a power cut ended.
    try:
        _, end = _DECODER.raw_decode(line.decode("ascii"))
    except (ValueError, RecursionError):
        return False
    return bool(line[end:].strip(b"\0"))


def sha256_of(path: Path, offset: int, length: int) -> str:
    digest = hashlib.sha256()
    with open_file(path) as file:
        file.seek(offset)
        while length > 0 and (octets := file.read(min(length, 1 << 20))):
            digest.update(octets)
            length -= len(octets)
    return digest.hexdigest()
