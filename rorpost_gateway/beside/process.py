"""The daemon's end: starts the process beside it, asks it, and starts it anew when it has died.

Invariants: every call ends, with an answer or with Gone; what was asked of a process
that died is never asked again by itself, since nobody knows how far it got. One that
stays silent for longer than any answer takes is stuck, and is killed. The process
gets nothing but its socket: no secret in its arguments or its environment. It ends when
the socket does, so it never outlives the daemon.
"""

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import structlog

from rorpost_gateway.beside.frames import FAULT, Head
from rorpost_gateway.beside.wire import Wire
from rorpost_gateway.errors import GatewayError

ENDING_SECONDS = 10.0
PATIENCE_SECONDS = 900.0

_logger = structlog.get_logger()


class Gone(GatewayError):
    """The process died, or could not be started, before it answered."""


class Beside:
    """One process that runs `module`. `greeting` is sent to each new one, first of all.

    `patience_seconds` is more than any one answer takes.
    """

    def __init__(
        self,
        module: str,
        *,
        greeting: Callable[[], Head] = dict,
        command: tuple[str, ...] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        # -P: nothing is imported from the folder that the daemon happens to be started in.
        self._command = command or (sys.executable, "-P", "-m", module)
        self._name = module
        self._greeting = greeting
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[tuple[Head, bytes]]] = {}
        self._patience_seconds = patience_seconds
        self._heard = 0  # answers, of every process there has been
        self._beginning: asyncio.Task[None] | None = None
        self._wire: Wire | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process, while it can be asked."""
        return None if self._process is None or self._wire is None else self._process.pid

    async def start(self) -> None:
        """Start the process unless it runs. Raises Gone."""
        if self._wire is not None:
            return
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._begin())
            self._beginning.add_done_callback(self._begun)
        # Whoever asked first may be cancelled: the others wait for the same process, and a start that is
        # broken off half way would leave one behind that nobody knows.
        await asyncio.shield(self._beginning)

    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]:
        """One question, one answer. Raises Gone, and FrameInvalid for a question that is too long."""
        await self.start()
        wire = self._wire
        if wire is None:
            raise Gone("a part of the gateway has ended", private=f"{self._name} is gone")
        number, loop = next(self._numbers), asyncio.get_running_loop()
        # Known from here on: the process may also end while the question waits for room.
        future = self._waiting[number] = loop.create_future()
        patience = loop.call_later(self._patience_seconds, self._lose_patience, future, self._heard)
        try:
            await wire.room()
            wire.send({**head, "number": number}, octets)
            told, given = await future
        finally:
            patience.cancel()
            del self._waiting[number]
        if FAULT in told:
            raise Gone("a part of the gateway failed", private=f"{self._name}: {str(told[FAULT])[:80]}")
        return told, given

    async def close(self) -> None:
        """End the process: its socket first, which it heeds at once; it is waited for, or killed."""
        self._closed = True
        if self._beginning is not None:
            await asyncio.wait({self._beginning})
        wire, process = self._wire, self._process
        if wire is not None:
            wire.close()
        if process is not None:
            await asyncio.to_thread(_see_off, process)
            self._process = None

    async def _begin(self) -> None:
        if self._closed:
            raise Gone("the gateway is stopping", private=f"{self._name}: closed")
        if self._process is not None:
            await asyncio.to_thread(_see_off, self._process)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.to_thread(_spawn, self._command, theirs)
            wire = Wire(self._answered, self._ended)
            await asyncio.get_running_loop().create_unix_connection(lambda: wire, sock=ours)
        except OSError as error:
            ours.close()
            raise Gone("a part of the gateway cannot start", private=f"{self._name}: {error}") from error
        self._wire = wire
        wire.send(self._greeting())

    def _begun(self, _task: asyncio.Task[None]) -> None:
        self._beginning = None

    def _lose_patience(self, future: asyncio.Future[tuple[Head, bytes]], heard: int) -> None:
        """Of a question that has waited too long: nothing was heard since, or only this answer is missing."""
        if self._heard == heard and self._process is not None:
            _logger.error("part is stuck and is killed", part=self._name, questions=len(self._waiting))
            self._process.kill()  # its socket ends with it, and all that it was asked
        elif not future.done():
            future.set_exception(
                Gone("a part of the gateway does not answer", private=f"{self._name}: no answer in time")
            )

    def _answered(self, head: Head, octets: bytes) -> None:
        self._heard += 1
        waiting = self._waiting.get(head.pop("number", -1))
        if waiting is not None and not waiting.done():
            waiting.set_result((head, octets))

    def _ended(self) -> None:
        self._wire = None
        if not self._closed:
            _logger.error("part has ended", part=self._name, questions=len(self._waiting))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(
                    Gone("a part of the gateway has ended", private=f"{self._name} ended in the middle")
                )


def _spawn(command: tuple[str, ...], theirs: socket.socket) -> subprocess.Popen[bytes]:
    """The socket is its standard input and output: one descriptor, both ways."""
    return subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), close_fds=True)


def _see_off(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_SECONDS)
        return
    process.kill()
    process.wait()
