"""The log's folder: its day files and the calls that make lines durable.

Day files are `YYYY-MM-DD.jsonl`, opened for appending only (so that `chattr +a`
can be set on them), mode 0640 in a folder of mode 0750. A lock on
`decision-log.lock` keeps a second writer out. `Disk` is where tests put faults.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rorpost_gateway import durable
from rorpost_gateway.errors import LogDamaged, LogUnavailable

FILE_MODE = 0o640
FOLDER_MODE = 0o750
LOCK_NAME = "decision-log.lock"
VKEY_NAME = "decision-log.vkey"  # beside the signing key
SUFFIX = ".jsonl"

_DAY_FILE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.jsonl")


class Disk:
    """The system calls of a commit. None of them is ever repeated after it failed."""

    def create(self, path: Path) -> int:
        """A new file for appending; the folder's entry for it is durable. Raises OSError."""
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(fd, FILE_MODE)  # whatever the umask says
            self.sync_folder(path.parent)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def open(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)

    def write(self, fd: int, octets: bytes) -> None:
        """All of `octets` in one call. A short write is a failure (the disk is full)."""
        written = os.write(fd, octets)
        if written != len(octets):
            raise OSError(f"only {written} of {len(octets)} octets written")

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def open_or_create(self, path: Path) -> int:
        """A file for appending, made where it is missing; its folder's entry is durable then."""
        return self.open(path) if path.exists() else self.create(path)

    def put(self, path: Path, octets: bytes) -> None:
        """A whole file, in place of another or none; durable once its folder is synchronised."""
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)  # left by a process that was killed
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(temporary, flags, FILE_MODE)
        try:
            os.fchmod(fd, FILE_MODE)
            self.write(fd, octets)
            self.sync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)

    def make_folder(self, folder: Path) -> None:
        """A folder and those above it, durable. Raises OSError."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(FOLDER_MODE)
        self.sync_folder(folder.parent)

    def sync_folder(self, folder: Path) -> None:
        durable.sync_folder(folder)


@contextmanager
def read_or_unavailable() -> Iterator[None]:
    """Raises LogUnavailable where the log's files cannot be read inside."""
    try:
        yield
    except (OSError, LogDamaged) as error:
        raise LogUnavailable("the decision log cannot be read", private=f"decision log: {error}") from error


def prepare(folder: Path) -> None:
    """Make the folder where it is missing; its parent must exist. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(FOLDER_MODE)


def lock(folder: Path) -> int:
    """Keep every other writer out until the descriptor is closed. Raises LogUnavailable."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(folder / LOCK_NAME, flags, FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise LogUnavailable(
            "the decision log is in use", private=f"another process writes the decision log in {folder}"
        ) from error
    return fd


def day_files(folder: Path) -> list[Path]:
    """The day files, oldest first. Raises LogDamaged where such a name is not a regular file."""
    files = sorted(path for path in folder.iterdir() if _DAY_FILE.fullmatch(path.name))
    for path in files:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise LogDamaged("the decision log does not hold", private=f"{path} is not a regular file")
    return files
