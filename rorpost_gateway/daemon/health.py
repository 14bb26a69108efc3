"""Whether the daemon lives, and whether it can take mail: what /healthz and /readyz answer.

Not ready means that a client would be turned away. A reload that was refused, a certificate that
was not read again, a disk that fills: mail is still taken, so these are warnings. Texts name the
trouble and no details; those are in the operator's log.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.queue.base import Queue

LOG_PATIENCE_SECONDS: Final = 10.0  # a disk that takes longer for a few lines is as good as gone
QUEUE_PATIENCE_SECONDS: Final = 5.0
LOG_DISK_OCTETS: Final = 256 * 1024 * 1024


class Standing(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    standing: Standing
    text: str


class Phase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


@dataclass(kw_only=True)
class Progress:
    """How far the daemon has come; written by `Gateway`, read here."""

    phase: Phase = Phase.STARTING
    certificate_refused: bool = False  # at the last reload; the one before is in use
    sound: bool = True  # False once a part has failed


class Health:
    """`message_octets` is how large a message there must be room for."""

    def __init__(
        self,
        *,
        progress: Progress,
        decision_log: LogWriter,
        queue: Queue,
        holder: Holder,
        log_folder: Path,
        message_octets: int,
        places: Callable[[], Sequence[tuple[str, int]]],
        patience_seconds: float = LOG_PATIENCE_SECONDS,
    ) -> None:
        self._progress = progress
        self._log = decision_log
        self._queue = queue
        self._holder = holder
        self._log_folder = log_folder
        self._message_octets = message_octets
        self._places = places
        self._patience_seconds = patience_seconds

    @property
    def well(self) -> bool:
        """Whether this process is worth keeping: the log takes lines, and no part has failed."""
        return self._progress.sound and self._log_check().standing is not Standing.FAILED

    def alive(self) -> tuple[Check, ...]:
        """What /healthz answers. Who can ask finds the event loop running."""
        parts = Check(name="parts", standing=Standing.OK, text="running")
        if not self._progress.sound:
            parts = Check(name="parts", standing=Standing.FAILED, text="one has failed; the daemon is ending")
        return (self._log_check(), parts)

    async def ready(self) -> tuple[Check, ...]:
        """What /readyz answers."""
        return (
            self._listeners_check(),
            *self.alive(),
            await self._queue_check(),
            self._log_disk_check(),
            self._policy_check(),
            self._certificate_check(),
        )

    def status(self) -> str:
        """One line for the supervisor's status."""
        policy = self._policy_check()
        return f"Listening on {self._listening()}; {policy.text}"

    def _listening(self) -> str:
        return ", ".join(f"{host}:{port}" for host, port in self._places())

    def _listeners_check(self) -> Check:
        phase = self._progress.phase
        if phase is not Phase.SERVING:
            return Check(name="listeners", standing=Standing.FAILED, text=phase.value)
        return Check(name="listeners", standing=Standing.OK, text=self._listening())

    def _log_check(self) -> Check:
        if not self._log.available:
            return Check(name="decision-log", standing=Standing.FAILED, text="takes no lines")
        waiting = self._log.waits_for_disk_seconds
        if waiting > self._patience_seconds:
            text = f"its disk has not answered for {waiting:.0f} s"
            return Check(name="decision-log", standing=Standing.FAILED, text=text)
        return Check(name="decision-log", standing=Standing.OK, text="takes lines")

    async def _queue_check(self) -> Check:
        try:
            async with asyncio.timeout(QUEUE_PATIENCE_SECONDS):
                await self._queue.require_writable(octets=self._message_octets)
        except TimeoutError:
            return Check(name="queue", standing=Standing.FAILED, text="does not answer")
        except GatewayError as error:
            return Check(name="queue", standing=Standing.FAILED, text=error.public)
        return Check(name="queue", standing=Standing.OK, text="takes messages")

    def _log_disk_check(self) -> Check:
        free = free_octets(self._log_folder)
        if free is None:
            return Check(name="log-disk", standing=Standing.WARNING, text="cannot be looked at")
        standing = Standing.OK if free >= LOG_DISK_OCTETS else Standing.WARNING
        return Check(name="log-disk", standing=standing, text=f"{free // (1024 * 1024)} MiB free")

    def _policy_check(self) -> Check:
        revision = self._holder.current.policy.revision
        in_force, refused_at = f"revision {revision} is in force", self._holder.refused_at
        if refused_at is None:
            return Check(name="policy", standing=Standing.OK, text=in_force)
        text = f"what is on disk was refused at {_time(refused_at)}; {in_force}"
        return Check(name="policy", standing=Standing.WARNING, text=text)

    def _certificate_check(self) -> Check:
        if not self._progress.certificate_refused:
            return Check(name="certificate", standing=Standing.OK, text="as on disk when last read")
        text = "what is on disk was refused; the one before is in use"
        return Check(name="certificate", standing=Standing.WARNING, text=text)


def free_octets(folder: Path) -> int | None:
    """What an ordinary user may still write there; None where it cannot be looked at."""
    try:
        free = os.statvfs(folder)
    except OSError:
        return None
    return free.f_bavail * free.f_frsize


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
