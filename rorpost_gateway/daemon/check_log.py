"""The decision log's part of `rorpost check`: who could change it, and what a copy of it would give away."""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.found import Found, error, warning
from rorpost_gateway.decision_log.attributes import attributes_of
from rorpost_gateway.decision_log.folder import SUFFIX
from rorpost_gateway.decision_log.restarting import journal

_GROUP_OR_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_REPLACED = "checkpoint"  # each time anew, so that it can be neither append-only nor immutable
_PUBLISHED = ("checkpoints", _REPLACED)


def check_log(config: Config) -> Iterator[Found]:
    """What is loose around the decision log. Whether it holds is the question of `rorpost audit verify`."""
    settings = config.decision_log
    folder, key = settings.dir, settings.signing_key_file
    if journal(folder).exists():
        yield error(journal(folder), "a restart was broken off; run `rorpost audit restart` again")
    if folder.is_dir():
        yield from _check_folder(folder)
        if key.parent == folder or folder in key.parents:
            yield warning(key, "lies in the log's folder, so that a copy for auditors would hold it")
    yield from _check_key(key, folder)
    yield from _check_witness_file(settings.witness_file, (folder.parent, config.state_dir))


def _check_folder(folder: Path) -> Iterator[Found]:
    status = folder.stat()
    if status.st_mode & stat.S_IRWXO:
        yield warning(folder, "everybody may read the log; chmod o-rwx, and let auditors in by the group")
    attributes = attributes_of(folder)
    if attributes is not None and (attributes.append_only or attributes.immutable):
        yield error(folder, "chattr is set on the folder: no checkpoint can be replaced; chattr -ai")
    files = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX or path.name in _PUBLISHED)
    for path in files:
        yield from _check_file(path, owner=status.st_uid)
    yield from _check_append_only(files)


def _check_file(path: Path, *, owner: int) -> Iterator[Found]:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        yield error(path, "is not a regular file")
        return
    if status.st_mode & _GROUP_OR_OTHERS_WRITE:
        yield error(path, "others than the daemon may write here; chmod go-w")
    if status.st_mode & stat.S_IRWXO:
        yield warning(path, "everybody may read the log; chmod o-rwx")
    if status.st_uid != owner:
        yield error(path, f"belongs to user {status.st_uid}, the folder to {owner}; the daemon cannot append")
    attributes = attributes_of(path)
    if attributes is not None and attributes.immutable:
        yield error(path, "chattr +i is set: the daemon cannot append; chattr -i")
    if attributes is not None and attributes.append_only and path.name == _REPLACED:
        yield error(path, "chattr +a is set, but this file is replaced each time; chattr -a")


def _check_append_only(files: list[Path]) -> Iterator[Found]:
    """Where `chattr +a` is in use, what it was forgotten on; the newest day file is the next round's."""
    days = [path for path in files if path.suffix == SUFFIX]
    kept = [*days[:-1], *(path for path in files if path.name == "checkpoints")]
    marked = {
        path: attributes.append_only for path in kept if (attributes := attributes_of(path)) is not None
    }
    loose = [path for path, append_only in marked.items() if not append_only]
    if loose and len(loose) < len(marked):
        more = f", and {len(loose) - 1} others" if len(loose) > 1 else ""
        yield warning(loose[0], f"is not append-only as other files of the log are{more}; chattr +a")
    elif loose:
        yield warning(loose[0].parent, "no file of the log is append-only; as root, chattr +a on closed days")


def _check_key(key: Path, folder: Path) -> Iterator[Found]:
    try:
        owner = key.stat().st_uid
    except OSError:
        return  # told of elsewhere
    if folder.is_dir() and owner not in (folder.stat().st_uid, 0):
        yield error(key, f"belongs to user {owner}, who is not the one that writes the log")


def _check_witness_file(witness_file: Path, with_the_log: Collection[Path]) -> Iterator[Found]:
    """It shows that an old backup was put back, unless the same backup puts back the file too."""
    beside = witness_file.parent
    if not beside.is_dir():
        yield error(witness_file, f"there is no folder {beside}")
    elif not os.access(beside, os.W_OK | os.X_OK):
        yield error(beside, "cannot be written by this user; the witness file is replaced there each time")
    elif any(witness_file.is_relative_to(path) for path in with_the_log):
        yield warning(witness_file, "lies with the log: whoever puts back an old backup puts back both")
