"""The gateway of the demo: `rorpost serve` as a process of its own, as operations would run it."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from rorpost_gateway.errors import GatewayError

START_SECONDS = 30
STOP_SECONDS = 60


class NotStarted(GatewayError):
    """The gateway did not come up; the text is the last of what it said."""


class Daemon:
    """Started with `start`; its log on standard error is kept in a file of the demo's folder."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._ready: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, config: Path, log: Path) -> "Daemon":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "rorpost_gateway", "serve", "--config", str(config), "--log-format", "json"),
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process, log)

    async def ready(self) -> tuple[str, int]:
        """Where it listens, once it does. Raises NotStarted."""
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._ready
        except TimeoutError:
            raise NotStarted(f"the gateway was not ready within {START_SECONDS} s") from None

    def stop(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

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

    async def _read(self) -> None:
        stderr = self._process.stderr
        if stderr is None:
            raise RuntimeError("the daemon's standard error is not piped")
        last = b""
        with self._log.open("wb") as log:
            while line := await stderr.readline():
                log.write(line)
                log.flush()
                last = line
                self._look_for_ready(line)
        if not self._ready.done():
            said = last.decode("utf-8", "replace").strip()
            self._ready.set_exception(NotStarted(f"the gateway did not start: {said}"))

    def _look_for_ready(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if event.get("event") == "ready" and not self._ready.done():
            host, _, port = event["listening"].split(", ")[0].rpartition(":")
            self._ready.set_result((host, int(port)))
