"""Small files that are whole or not there, and names that are durable once they were made."""

import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
SHARED_MODE: Final = 0o640
PUBLIC_MODE: Final = 0o644


def put(path: Path, octets: bytes, *, mode: int) -> None:
    """Make or replace the file; durable, with its name, when this returns. Raises OSError.

    One writer at a time, which the caller sees to.
    """
    temporary = path.with_name(f".{path.name}.new")
    write_new(temporary, octets, mode=mode)
    temporary.replace(path)
    sync_folder(path.parent)


def write_new(path: Path, octets: bytes, *, mode: int) -> None:
    """Write a file of its own, in place of what a process that was killed left there. Raises OSError.

    The octets are durable then; the name is not.
    """
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, mode)  # whatever the umask says
        file.write(octets)
        file.flush()
        os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
