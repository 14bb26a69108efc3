"""Doing the daemon's work offline: as its user, so that what is made can be used by it again."""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path


def own_name() -> str:
    """The name of the user who runs this process (the number where it has none)."""
    return _name(os.getuid()) or str(os.getuid())


def become_owner(paths: Iterable[Path]) -> None:
    """Where root runs this: become the owner of the first of these that is there, for good.

    Files made by root are files that the daemon could not append to.
    """
    status = next((path.stat() for path in paths if path.exists()), None)
    if os.geteuid() != 0 or status is None or status.st_uid == 0:
        return
    name = _name(status.st_uid)
    if name is None:
        os.setgroups([])
    else:
        os.initgroups(name, status.st_gid)
    os.setgid(status.st_gid)
    os.setuid(status.st_uid)


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
