"""Small files that are whole or not there, and durable once they were put."""

import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
SHARED_MODE: Final = 0o640


def put(path: Path, octets: bytes, *, mode: int) -> None:
    """Make or replace the file; durable, with its name, when this returns. Raises OSError.

    One writer at a time, which the caller sees to.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)  # left by a process that was killed
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, mode)  # whatever the umask says
        file.write(octets)
        file.flush()
        os.fsync(fd)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
