"""One run of a daemon: a process, its signals, and its operator's log as it is written."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol

BOUND_SECONDS = 60


class Process(Protocol):
    """What is needed of a `subprocess.Popen`."""

    pid: int

    @property
    def stderr(self) -> IO[bytes] | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...

    def send_signal(self, number: int, /) -> None: ...


Launch = Callable[[Sequence[str], Mapping[str, str] | None], Process]


def cold(command: Sequence[str], environment: Mapping[str, str] | None) -> Process:
    """A process as an operator starts one."""
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)


class DaemonProcess:
    """One run of the daemon. Its operator's log is read as it comes; JSON lines are in `events`."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str] | None = None, *, launch: Launch = cold
    ) -> None:
        self.process = launch(command, environment)
        self.lines: list[str] = []
        self.events: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="operator's log", daemon=True)
        self._reader.start()

    def wait_for_event(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """The `count`-th event of that name. Raises AssertionError where the daemon ended without it."""

        def found() -> bool:
            return self._ended or sum(event.get("event") == name for event in self.events) >= count

        with self._news:
            assert self._news.wait_for(found, BOUND_SECONDS), self.said(f"no event {name!r} in time")
        events = [event for event in self.events if event.get("event") == name]
        assert len(events) >= count, self.said(f"ended without event {name!r}")
        return events[count - 1]

    def wait(self) -> int:
        """Its exit code (negative: the signal that killed it), with its log read to the end."""
        code = self.process.wait(BOUND_SECONDS)
        self._reader.join(BOUND_SECONDS)
        return code

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self._take(line.decode("utf-8", "replace").rstrip("\n"))
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        with self._news:
            self.lines.append(line)
            if isinstance(event, dict):
                self.events.append(event)
            self._news.notify_all()

    def said(self, what: str) -> str:
        return "\n".join([f"{what}; the daemon said:", *self.lines[-20:]])
