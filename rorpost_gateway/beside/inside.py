"""The other end: what runs in a process beside the daemon's.

It answers questions until its socket ends, which is also how it learns that the daemon
is gone; then it ends at once, since nobody would hear of what it still did. Signals meant
for the daemon reach the whole group (a terminal's Ctrl-C, a service's stop): here they
are ignored, since what is in hand must be finished for it.

Nothing but frames leaves it: libraries' loggers are silent, since a text of theirs could
hold what must not be logged, and what is printed goes nowhere.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable

from rorpost_gateway import event_loop
from rorpost_gateway.beside.frames import FAULT, Head
from rorpost_gateway.beside.wire import Wire

Answer = Callable[[Head, bytes], Awaitable[tuple[Head, bytes]]]


class Answering:
    """Answers each question as a task of its own. The first frame is the greeting."""

    def __init__(self, prepare: Callable[[Head], Answer]) -> None:
        self._prepare = prepare
        self._answer: Answer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._wire = Wire(self._asked, self._over.set)

    async def run(self, connection: socket.socket) -> None:
        """Until the socket ends."""
        await asyncio.get_running_loop().create_unix_connection(lambda: self._wire, sock=connection)
        await self._over.wait()

    def _asked(self, head: Head, octets: bytes) -> None:
        if self._answer is None:
            self._answer = self._prepare(head)
            return
        task = asyncio.create_task(self._one(self._answer, head, octets))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, answer: Answer, head: Head, octets: bytes) -> None:
        number = head.pop("number")
        try:
            told, given = await answer(head, octets)
            self._wire.send({**told, "number": number}, given)
        except Exception as fault:  # noqa: BLE001  one question that goes wrong must not end the others
            # The kind only: a text could hold what must not be logged.
            self._wire.send({FAULT: type(fault).__name__, "number": number})


def run(prepare: Callable[[Head], Answer]) -> None:
    """The main of such a process. `prepare` gets the greeting and gives what answers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold messages in clear text
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.disable()
    connection = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # both were the socket: neither print nor a child of this one may speak there
        os.dup2(nowhere, standard)
    os.close(nowhere)
    event_loop.run(Answering(prepare).run(connection))
