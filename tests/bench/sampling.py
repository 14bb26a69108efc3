"""Where a daemon's time goes: py-spy's samples of its threads, by room and by function.

py-spy looks from outside, at the daemon and at its subprocesses in Python, and costs it nothing
but the moments in which its stacks are read. What C code does counts to the Python line that
called it. Threads that wait for work are left out.

With `interpreter_only` a sample counts only where the thread holds the interpreter's lock: that
is what one core is busy with, and what bounds the whole. Without it, time on the disk, in
SQLite, in OpenSSL or in the kernel counts as well, and threads that work side by side add up.
"""

import contextlib
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.daemon_process import BOUND_SECONDS

RATE_HERTZ = 400
_FRAME = re.compile(r"(?P<name>.+?) \((?P<file>[^()]+?)(?::\d+)?\)$")
_HOUSE = "rorpost_gateway/"
_PACKAGES = "site-packages/"
# Waiting for work, which py-spy cannot tell from work where the wait is short.
_WAITING = {("_worker", "concurrent"), ("_next_group", "queue"), ("wait", "threading")}
Frame = tuple[str, str]  # function, room


@dataclass(kw_only=True)
class Profile:
    """Seconds by room and by function: `own` is the innermost frame, `under` every frame of a stack."""

    seconds: float = 0.0
    rooms: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    own: defaultdict[Frame, float] = field(default_factory=lambda: defaultdict(float))
    under: defaultdict[Frame, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, stack: list[Frame], seconds: float) -> None:
        name, room = stack[-1]
        if (name.rpartition(".")[2], room) in _WAITING:
            return
        self.seconds += seconds
        self.rooms[room] += seconds
        self.own[stack[-1]] += seconds
        for frame in set(stack):
            self.under[frame] += seconds


def available() -> bool:
    return _py_spy().exists()


@contextlib.contextmanager
def sampled(pid: int, output: Path, *, interpreter_only: bool) -> Iterator[Profile]:
    """Samples the process while the context lasts; the profile is filled at its end."""
    command = [
        *(str(_py_spy()), "record", "--pid", str(pid), "--subprocesses", "--full-filenames"),
        *("--format", "raw", "--rate", str(RATE_HERTZ), "--duration", "unlimited", "--output", str(output)),
        *(("--gil",) if interpreter_only else ()),
    ]
    output.unlink(missing_ok=True)
    profile = Profile()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    with process.stdout as stdout:
        stdout.readline()  # it is attached when it says so
        try:
            yield profile
        finally:
            process.send_signal(signal.SIGINT)
            said = stdout.read()
            process.wait(BOUND_SECONDS)
    if not output.exists():
        raise RuntimeError(f"py-spy left nothing behind: {said.decode(errors='replace')}")
    read_stacks(output.read_text(encoding="utf-8"), profile)


def read_stacks(text: str, profile: Profile) -> None:
    """Lines of `outermost;…;innermost COUNT`, as py-spy writes them."""
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        stack = [place for frame in frames.split(";") if (place := _place(frame)) is not None]
        if stack:
            profile.add(stack, int(count) / RATE_HERTZ)


def _py_spy() -> Path:
    return Path(sys.executable).with_name("py-spy")


def _place(frame: str) -> Frame | None:
    found = _FRAME.match(frame)
    return None if found is None else (found["name"], _room_of(found["file"]))


def _room_of(path: str) -> str:
    """A folder or module of the gateway's, of the standard library, or another package."""
    if _HOUSE in path:
        return _first(path.rpartition(_HOUSE)[2])
    if _PACKAGES in path:
        return _first(path.rpartition(_PACKAGES)[2])
    return _first(re.sub(r"^.*/python3\.\d+/", "", path))


def _first(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py").strip("<>")
