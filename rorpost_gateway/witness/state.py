"""What a witness remembers: the newest checkpoint that it cosigned of each log, and what it refused.

- `logs/HEX.checkpoint`, HEX the SHA-256 of the log's origin: the signed checkpoint, replaced atomically
- `refused/HEX.request`, HEX the SHA-256 of the request: signed by a known log, yet inconsistent with
  what was cosigned before. Evidence; the first hundred are kept
- `witness.lock`: one process at a time

Whoever restores this folder from an older backup has to make a new key: a witness that has
forgotten may cosign what it has to refuse.
"""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

from rorpost_gateway.durable import SHARED_MODE, put, sync_folder
from rorpost_gateway.errors import ConfigurationInvalid

FOLDER_MODE: Final = 0o750
MOST_REFUSED: Final = 100
_NOTE_OCTETS: Final = 1024 * 1024


class WitnessState:
    """One folder. Not safe for two threads at a time."""

    def __init__(self, folder: Path) -> None:
        self._logs = folder / "logs"
        self._refused = folder / "refused"
        self._folder = folder
        self._locked: int | None = None

    def make(self) -> None:
        """Make the folders that are missing. Raises OSError."""
        for folder in (self._folder, self._logs, self._refused):
            if not folder.exists():
                folder.mkdir(mode=FOLDER_MODE)
                sync_folder(folder.parent)

    def lock(self) -> None:
        """Keep every other process out until it is closed. Raises ConfigurationInvalid, OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._folder / "witness.lock", flags, SHARED_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise ConfigurationInvalid(f"{self._folder}: another witness works here") from None
        self._locked = fd

    def close(self) -> None:
        """Let others in. Idempotent."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def newest(self, origin: str) -> bytes | None:
        """The newest checkpoint cosigned for a log; None where there was none. Raises OSError."""
        try:
            with self._path(origin).open("rb") as file:
                return file.read(_NOTE_OCTETS)
        except FileNotFoundError:
            return None

    def keep(self, origin: str, note: bytes) -> None:
        """From now on this is the newest one; durable when this returns. Raises OSError."""
        put(self._path(origin), note, mode=SHARED_MODE)

    def keep_refused(self, request: bytes) -> None:
        """Evidence against the log that signed what stands in it. Raises OSError."""
        path = self._refused / f"{hashlib.sha256(request).hexdigest()}.request"
        if not path.exists() and sum(1 for _ in self._refused.iterdir()) < MOST_REFUSED:
            put(path, request, mode=SHARED_MODE)

    def _path(self, origin: str) -> Path:
        return self._logs / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"
