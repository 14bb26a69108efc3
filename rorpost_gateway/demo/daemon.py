"""The gateway of the demo: `rorpost serve` as a process of its own, as operations would run it."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.errors import GatewayError

START_SECONDS = 30
STOP_SECONDS = 60
MOST_OCTETS_OF_FINDINGS = 4096

Place = tuple[str, int]


class NotStarted(GatewayError):
    """The gateway did not come up; the text is what it found wrong, or the last that it said."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Host and port for mail clients, and for partners."""

    submission: Place
    inbound: Place


class Daemon:
    """Started with `start`; its log on standard error is kept in a file of the demo's folder."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, config: Path, log: Path, clock: Path | None = None) -> "Daemon":
        """`clock` is the file of a clock that is not the machine's."""
        serve = ("rorpost_gateway", "serve", "--config", str(config), "--log-format", "json")
        clocked = ("rorpost_gateway.demo.clocked_daemon", str(config), str(clock))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", *(clocked if clock else serve)),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo, which ends it in order
        )
        return cls(process, log)

    async def ready(self) -> Listening:
        """Where it listens, once it does. Raises NotStarted."""
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._ready
        except TimeoutError:
            raise NotStarted(f"the gateway was not ready within {START_SECONDS} s") from None

    def stop(self) -> None:
        self._send(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it hear connections and answer none, until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    async def end(self) -> None:
        """Stop it, whatever it is doing."""
        self._ready.cancel()  # nobody asks any more
        self.stop()
        await self.ended()

    async def ended_by_itself(self) -> int:
        """Its exit code, however long that takes."""
        return await self._process.wait()

    async def ended(self) -> int:
        """Its exit code; it is killed if it does not end in time."""
        _, late = await asyncio.wait([self._reading], timeout=STOP_SECONDS)
        if late:
            self._process.kill()
            await asyncio.wait([self._reading])
        return await self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def _read(self) -> None:
        stderr = self._process.stderr
        if stderr is None:
            raise RuntimeError("the daemon's standard error is not piped")
        last, findings = b"", b""
        with self._log.open("wb") as log:
            while line := await stderr.readline():
                log.write(line)
                log.flush()
                last = line
                if not line.startswith(b"{"):  # no event of the operator's log
                    findings = (findings + line)[:MOST_OCTETS_OF_FINDINGS]
                self._look_for_ready(line)
        if not self._ready.done():
            said = (findings or last).decode("utf-8", "replace").strip()
            self._ready.set_exception(NotStarted(f"the gateway did not start: {said}"))

    def _look_for_ready(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if event.get("event") == "ready" and not self._ready.done():
            self._ready.set_result(
                Listening(submission=_first(event["listening"]), inbound=_first(event.get("inbound", ":0")))
            )


def _first(places: str) -> Place:
    host, _, port = places.split(", ")[0].rpartition(":")
    return host, int(port)
