"""Real servers as an ordinary user: the one who runs the tests or, where that is root, `nobody`."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

START_SECONDS = 30
_NOBODY = "nobody"


def ordinary_user() -> pwd.struct_passwd:
    return pwd.getpwnam(_NOBODY) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def own_all(folder: Path) -> None:
    """Give a folder and what is in it to the ordinary user, who is to find it as their own."""
    if os.geteuid() == 0:
        user = ordinary_user()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def launch(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, without input or output."""
    as_root = os.geteuid() == 0
    user = ordinary_user()
    return subprocess.Popen(
        command,
        user=user.pw_uid if as_root else None,
        group=user.pw_gid if as_root else None,
        extra_groups=[] if as_root else None,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a server and its children where they stand: for one that takes seconds over its farewell."""
    # The children live in the session that the server leads.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=START_SECONDS)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        kill(process)


def answers(process: subprocess.Popen[bytes], *ports: int) -> bool:
    """Wait until every port takes a connection; False where the process ended first."""
    deadline = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
    waiting = list(ports)
    while process.poll() is None and datetime.now(UTC) < deadline:
        try:
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=START_SECONDS).close()
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        else:
            waiting.pop(0)
        if not waiting:
            return True
    return False
