"""The daemon's end: starts the process beside it, asks it, and starts it anew when it has died.

Invariants: every call ends, with an answer or with Gone; what was asked of a process
that died is never asked again by itself, since nobody knows how far it got. The process
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

from rorpost_gateway.beside.frames import FAULT, Head
from rorpost_gateway.beside.wire import Wire
from rorpost_gateway.errors import GatewayError

ENDING_SECONDS = 10.0


class Gone(GatewayError):
    """The process died, or could not be started, before it answered."""


class Beside:
    """One process that runs `module`. `greeting` is sent to each new one, first of all."""

    def __init__(
        self, module: str, *, greeting: Callable[[], Head] = dict, command: tuple[str, ...] | None = None
    ) -> None:
        self._command = command or (sys.executable, "-m", module)
        self._name = module
        self._greeting = greeting
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[tuple[Head, bytes]]] = {}
        self._starting = asyncio.Lock()
        self._wire: Wire | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process unless it runs. Raises Gone."""
        async with self._starting:
            if self._wire is None:
                await self._begin()

    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]:
        """One question, one answer. Raises Gone."""
        if self._wire is None:
            await self.start()
        wire = self._wire
        if wire is None:
            raise Gone("a part of the gateway has ended", private=f"{self._name} is gone")
        await wire.room()
        number = next(self._numbers)
        future: asyncio.Future[tuple[Head, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            wire.send({**head, "number": number}, octets)
            told, given = await future
        finally:
            del self._waiting[number]
        if FAULT in told:
            raise Gone("a part of the gateway failed", private=f"{self._name}: {str(told[FAULT])[:80]}")
        return told, given

    async def close(self) -> None:
        """End the process: its socket first, which it heeds at once; it is waited for, or killed."""
        self._closed = True
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

    def _answered(self, head: Head, octets: bytes) -> None:
        waiting = self._waiting.get(head.pop("number", -1))
        if waiting is not None and not waiting.done():
            waiting.set_result((head, octets))

    def _ended(self) -> None:
        self._wire = None
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
