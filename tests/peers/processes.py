"""Which processes work in a folder: daemons and key agents are found by their command lines."""

import threading
import time
from pathlib import Path

BOUND_SECONDS = 20
_LOOK_AGAIN_SECONDS = 0.02


def processes_in(folder: Path) -> list[str]:
    """The command lines that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it ended
            continue
        if str(folder) in command:
            found.append(command)
    return found


def require_none_left_in(folder: Path) -> None:
    """Wait, with a bound, until there is none: an agent that was told to end takes a moment."""
    pause = threading.Event()
    deadline = time.monotonic() + BOUND_SECONDS
    while left := processes_in(folder):
        assert time.monotonic() < deadline, left
        pause.wait(_LOOK_AGAIN_SECONDS)
