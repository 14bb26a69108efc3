"""Which day files a purge removes, and their removal. The lines that tell of it come between the two.

Whole files only, oldest first and without a gap; never the newest. A file is removed
only if it is what the `day` entry of the next file says it was, so that the hashes
that stay behind, in that entry and in the tree, are those of the file that went.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

from rorpost_gateway.decision_log.attributes import attributes_of
from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, Disk, day_files
from rorpost_gateway.decision_log.read_back import open_file, parse_object, pieces, sha256_of
from rorpost_gateway.decision_log.tail import REGION_LINES, FileSummary
from rorpost_gateway.errors import GatewayError


class PurgeRefused(GatewayError):
    """Nothing was removed, and no line says so: a file is protected, or is not what the log says."""


def removable(folder: Path, before: date) -> tuple[FileSummary, ...]:
    """The files of days before `before`, each checked against what the next one says of it.

    Raises PurgeRefused where one may not be removed, LogDamaged (a day file that is none), OSError.
    """
    files = [
        (path, following)
        for path, following in pairwise(day_files(folder))
        if path.name < f"{before.isoformat()}{SUFFIX}"
    ]
    return tuple(_checked(path, following) for path, following in files)


def remove(folder: Path, files: Sequence[FileSummary], disk: Disk) -> None:
    """Remove the files, oldest first; their absence is durable when it returns. Raises OSError."""
    for file in files:
        (folder / file.name).unlink()
    disk.sync_folder(folder)


def _checked(path: Path, following: Path) -> FileSummary:
    attributes = attributes_of(path)
    if attributes is not None and (attributes.append_only or attributes.immutable):
        letters = "a" * attributes.append_only + "i" * attributes.immutable
        raise PurgeRefused(f"{path.name} cannot be removed as it is: chattr -{letters} first, as root")
    told = _told_of(following)
    if told.name != path.name or told.sha256 != sha256_of(path, 0, path.stat().st_size):
        raise PurgeRefused(
            f"{path.name} is not what {following.name} says it was; run `rorpost audit verify`",
            private=f"{path}: not the file that the day entry of {following} names",
        )
    return told


def _told_of(path: Path) -> FileSummary:
    """What a file's `day` entry says of the file before."""
    with open_file(path) as file:
        for number, piece in enumerate(pieces(file), 1):
            entry = parse_object(piece.octets) if piece.whole else None
            match entry:
                case {
                    "event": Event.DAY,
                    "file": str(name),
                    "first": int(first),
                    "last": int(last),
                    "sha256": str(sha256),
                }:
                    return FileSummary(name=name, first=first, last=last, sha256=sha256)
            if number > REGION_LINES:
                break
    raise PurgeRefused(f"{path.name} has no day entry; run `rorpost audit verify`")
