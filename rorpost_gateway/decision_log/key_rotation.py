"""The files of a rotation of the signing key, step by step, so that a crash between any two can be settled.

1. `prepare`: the next key lies beside the key in force, in `KEY.next`.
2. The `key` line that names both is durable in the log: from here on there is no way back.
3. A checkpoint that covers it is published, signed by both.
4. `complete`: the verifier key beside is the next one's, the next key takes the
   place of the one in force, whose octets are overwritten and whose file is gone.

`pending` settles what a crash left: before step 2 the next key is destroyed, after
it the rotation goes on. Overwriting is the best that a program can do; what a
journalling file system, a flash disk or a backup has kept of the old key it cannot reach.
"""

import os
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import day_files, lock
from rorpost_gateway.decision_log.read_back import open_file, parse_object, pieces
from rorpost_gateway.decision_log.signing import (
    SigningKey,
    draft,
    generate,
    next_path,
    read,
    write_vkey,
)
from rorpost_gateway.durable import sync_folder


def prepare(path: Path, origin: str) -> SigningKey:
    """Make the next key beside the key file `path`; durable. Raises ConfigurationInvalid, OSError."""
    _destroy(next_path(path))
    key = generate(origin)
    draft(path, key).replace(next_path(path))
    sync_folder(path.parent)
    return key


def pending(path: Path, folder: Path) -> SigningKey | None:
    """The next key, where the log says that it has come into force; one it does not know is destroyed.

    Raises LogUnavailable while another process writes the log, ConfigurationInvalid, LogDamaged, OSError.
    """
    following = next_path(path)
    if not following.exists() or not folder.is_dir():
        return None
    held = lock(folder)  # or it may be another process's rotation, which goes on just now
    try:
        key = read(following)
        if _is_in_log(folder, key.vkey):
            return key
        write_vkey(path, read(path).vkey)
        _destroy(following)
        return None
    finally:
        os.close(held)


def complete(path: Path, key: SigningKey) -> None:
    """Let the next key take the place of the one in force, which is destroyed. Raises OSError."""
    write_vkey(path, key.vkey)
    with path.open("r+b") as old:
        next_path(path).replace(path)
        sync_folder(path.parent)
        _overwrite(old.fileno())


def _destroy(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _overwrite(fd)
        path.unlink()
    finally:
        os.close(fd)
    sync_folder(path.parent)


def _overwrite(fd: int) -> None:
    size = os.fstat(fd).st_size
    os.pwrite(fd, b"\0" * size, 0)
    os.fsync(fd)


def _is_in_log(folder: Path, vkey: str) -> bool:
    """Whether the log holds the `key` line that brings this key into force; looked for from its end."""
    wanted = vkey.encode("ascii")
    for path in reversed(day_files(folder)):
        with open_file(path) as file:
            for piece in pieces(file):
                entry = parse_object(piece.octets) if wanted in piece.octets else None
                if entry is not None and entry.get("event") == Event.KEY and entry.get("vkey") == vkey:
                    return True
    return False
