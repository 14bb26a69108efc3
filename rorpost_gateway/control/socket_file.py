"""The Unix socket's file: bound once, never to somebody else's place, open to few.

Access is a matter of file permission (unix(7): connecting takes write permission on
the socket): mode 0600, or 0660 for one group. The mode is set before the socket
listens, so that there is no moment at which others get in.
"""

import contextlib
import fcntl
import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from rorpost_gateway.control.base import Busy, require_short_path
from rorpost_gateway.errors import ConfigurationInvalid

_BACKLOG = 16


def listen_at(path: Path, *, group: str | None) -> socket.socket:
    """A listening socket at `path`; a stale one there is replaced.

    Raises ConfigurationInvalid for a path that is too long or cannot be used, and for
    an unknown group; Busy where somebody listens there already.
    """
    require_short_path(path)
    gid = _group_id(group)
    try:
        with _folder_locked(path.parent):
            _remove_stale(path)
            return _bind(path, gid)
    except OSError as error:
        raise ConfigurationInvalid(f"control socket {path}: {error.strerror}") from error


def inode_of(path: Path) -> int:
    """What tells this socket's file from one that another daemon may put there later."""
    return path.lstat().st_ino


def remove(path: Path, inode: int) -> None:
    """Take the socket's file away, unless another one has taken its place."""
    with contextlib.suppress(OSError):
        if inode_of(path) == inode:
            path.unlink()


@contextlib.contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Two daemons that start at once must not both find, and remove, a stale socket."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"another daemon is just starting in {folder}") from error
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationInvalid(f"control socket {path}: something else lies there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise Busy(f"another daemon listens at {path}")


def _bind(path: Path, gid: int | None) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.settimeout(0)
        listening.bind(os.fspath(path))
        if gid is not None:
            os.chown(path, -1, gid)
        path.chmod(0o600 if gid is None else 0o660)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _group_id(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ConfigurationInvalid(f"control socket: there is no group {group!r}") from error
