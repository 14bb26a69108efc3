"""A process that has the gateway imported already, and forks a daemon at each start.

Most of what a start costs is importing. What is forked is a process of its own as any
other is (own pid, signals, limits, exit code); what it runs is the very command that
would have been started: `-m rorpost_gateway …`, or a script in its place. The process
that forks has one thread and no event loop, and has not opened anything.

    with WarmStart() as warm:
        process = warm.launch([sys.executable, "-m", "rorpost_gateway", "serve"], None)

`tests/e2e` starts the command itself: what holds of a cold start is seen there.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Never, Self

_IMPORTED = ("rorpost_gateway.cli.serve", "rorpost_gateway.cli", "tests.crash.points")
_MESSAGE_OCTETS = 256 * 1024
_BOUND_SECONDS = 60


class WarmProcess:
    """One forked process, for those who know `subprocess.Popen`."""

    def __init__(self, command: Sequence[str], stderr: int) -> None:
        self.args = list(command)
        self.stderr = os.fdopen(stderr, "rb")
        self.pid = 0
        self.returncode: int | None = None
        self._begun, self._ended = threading.Event(), threading.Event()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def begun(self, pid: int) -> None:
        self.pid = pid
        self._begun.set()

    def ended(self, returncode: int) -> None:
        self.returncode = returncode
        self._begun.set()
        self._ended.set()

    def wait_for_pid(self) -> None:
        if not self._begun.wait(_BOUND_SECONDS) or not self.pid:
            raise RuntimeError("nothing was forked")


class WarmStart:
    """The forking process, from here on until `close`, which ends whatever it forked that still runs."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MESSAGE_OCTETS)
        with theirs:
            command = [sys.executable, "-P", str(Path(__file__)), str(theirs.fileno())]
            self._forking = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._lock = threading.Lock()
        self._begins: list[WarmProcess] = []  # asked for, not forked yet, in order
        self._runs: dict[int, WarmProcess] = {}
        self._reader = threading.Thread(target=self._read, name="warm start", daemon=True)
        self._reader.start()

    def launch(self, command: Sequence[str], environment: Mapping[str, str] | None) -> WarmProcess:
        """Start `command`, which begins with this interpreter; its standard error is a pipe."""
        assert command[0] == sys.executable, "only Python is warm"
        ours, theirs = os.pipe()
        process = WarmProcess(command, ours)
        wanted = {
            "argv": command[1:],
            "environment": dict(environment or os.environ),
            "folder": str(Path.cwd()),
        }
        try:
            with self._lock:
                self._begins.append(process)
                socket.send_fds(self._control, [json.dumps(wanted).encode()], [theirs])
        finally:
            os.close(theirs)
        process.wait_for_pid()
        return process

    def close(self) -> None:
        self._control.shutdown(socket.SHUT_WR)
        self._forking.wait(_BOUND_SECONDS)
        self._reader.join(_BOUND_SECONDS)
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while octets := self._control.recv(_MESSAGE_OCTETS):
            self._take(json.loads(octets))
        for process in (*self._begins, *self._runs.values()):
            process.ended(-signal.SIGKILL)

    def _take(self, news: Mapping[str, int]) -> None:
        if "begun" in news:
            process = self._runs[news["begun"]] = self._begins.pop(0)
            process.begun(news["begun"])
        else:
            self._runs.pop(news["ended"]).ended(news["code"])


class _Forking:
    """What runs in the forking process."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._waking, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno())

    def run(self) -> None:
        import select

        while True:
            readable, _, _ = select.select([self._control, self._waking], [], [])
            if self._waking in readable:
                self._waking.recv(4096)
                self._reap()
            if self._control in readable:
                octets, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_OCTETS, 1)
                if not octets:
                    break
                self._fork(json.loads(octets), descriptors[0])
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._children.discard(pid)
                self._tell(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _fork(self, wanted: Mapping[str, Any], stderr: int) -> None:
        pid = os.fork()
        if not pid:
            self._become(wanted, stderr)
        os.close(stderr)
        self._children.add(pid)
        self._tell(begun=pid)
        self._reap()  # it may have ended before it was known

    def _tell(self, **news: int) -> None:
        self._control.send(json.dumps(news).encode())

    def _become(self, wanted: Mapping[str, Any], stderr: int) -> Never:
        """Never returns: whatever happens, this process ends here and not in the loop above."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (self._control, self._waking, self._waker):
                each.close()
            os.dup2(stderr, 2)
            os.close(stderr)
            os.chdir(wanted["folder"])
            os.environ.clear()
            os.environ.update(wanted["environment"])
            code = _run(wanted["argv"])
        except BaseException as error:  # noqa: BLE001 - nothing may return from here
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stderr.flush()
            os._exit(code)


def _run(argv: list[str]) -> int:
    """As the interpreter does with `-m NAME …` or `SCRIPT …`; the exit code."""
    try:
        if argv[0] == "-m":
            sys.argv = argv[1:]
            runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = argv
            runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    for each in _IMPORTED:
        importlib.import_module(each)
    # As a command has it: the forked daemons are no part of a terminal's job.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Forking(socket.socket(fileno=int(sys.argv[1]))).run()
