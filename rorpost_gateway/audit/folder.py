"""The log's folder as the verifier reads it, and the verdict that something does not hold.

Shares no code with the writer. Nothing but regular files is ever opened.
"""

import hashlib
import os
import stat
from datetime import date
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".jsonl"
BUFFER_OCTETS = 64 * 1024


class Broken(Exception):
    """The first thing that does not hold.

    `check` names what caught it: file, line, number, chain, opening, day, torn, tile,
    tree, checkpoint, signature, key, purged, since or vkey. `line` counts from 1 (0:
    the file as a whole); `entry` is the entry number that was due there.
    """

    def __init__(self, *, file: str, line: int, entry: int, check: str, text: str) -> None:
        super().__init__(f"{file}:{line}: entry {entry}: {text} [{check}]")
        self.file = file
        self.line = line
        self.entry = entry
        self.check = check
        self.text = text

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.file, self.line, self.entry, self.check, self.text)

    def further_on(self, lines: int) -> "Broken":
        """The same, in a file that has so many lines before those that were counted."""
        line = self.line + lines if self.line else 0
        return Broken(file=self.file, line=line, entry=self.entry, check=self.check, text=self.text)

    def because(self, check: str, text: str) -> "Broken":
        """Something else in the same place."""
        return Broken(file=self.file, line=self.line, entry=self.entry, check=check, text=text)


def _again(file: str, line: int, entry: int, check: str, text: str) -> Broken:
    return Broken(file=file, line=line, entry=entry, check=check, text=text)


def day_files(folder: Path) -> list[Path]:
    """The day files, oldest first. Anything else that ends in `.jsonl` is Broken: it would pass unread."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError as error:
        raise _unreadable(folder, error) from error
    for path in paths:
        if not _is_day(path.name.removesuffix(SUFFIX)):
            raise _no_file(path, "not the name of a day file")
    return paths


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, and nothing else. Raises Broken."""
    try:
        # Without O_NONBLOCK a named pipe would keep the auditor waiting for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_file(path, "not a regular file")
    return os.fdopen(fd, "rb", buffering=BUFFER_OCTETS)


def _unreadable(path: Path, error: OSError) -> Broken:
    return _no_file(path, f"cannot be read: {error.strerror}")


def _no_file(path: Path, text: str) -> Broken:
    name = path.name.encode("unicode_escape").decode("ascii")
    return Broken(file=name, line=0, entry=0, check="file", text=text)


def sha256_of(path: Path, offset: int, length: int) -> str:
    """SHA-256 of a stretch of a file, lower-case hex."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        file.seek(offset)
        while length > 0 and (octets := file.read(min(length, 1 << 20))):
            digest.update(octets)
            length -= len(octets)
    return digest.hexdigest()
