"""What systemd is told: ready, reloading, stopping, and again and again that all is well (sd_notify(3)).

A datagram to the socket that NOTIFY_SOCKET names; where it names none, nothing is told. Programs
that this one starts do not see the variables. A supervisor that does not listen stops nothing.
"""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final, Self

import structlog

log = structlog.get_logger()

PATIENCE_SECONDS: Final = 0.05  # the event loop waits for so long at most
_VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Supervisor:
    """`address` is a path, or `@name` in Linux' abstract namespace; None where nobody listens."""

    def __init__(self, address: str | None, *, watchdog_seconds: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._watchdog_seconds = watchdog_seconds
        self._deaf = False

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Self:
        """As the variables say, which are taken out of the environment."""
        address, microseconds, pid = (environment.pop(name, "") for name in _VARIABLES)
        if address[:1] not in ("/", "@"):
            return cls(None)
        ours = not pid or pid == str(os.getpid())
        watched = ours and microseconds.isascii() and microseconds.isdecimal() and int(microseconds) > 0
        return cls(address, watchdog_seconds=int(microseconds) / 1_000_000 if watched else None)

    def ready(self, status: str) -> None:
        """Started, or reloaded."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Reloading")

    def stopping(self) -> None:
        self._say("STOPPING=1", "STATUS=Finishing what is in hand")

    async def watch(
        self, is_well: Callable[[], bool], *, wait: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Say that all is well, twice in the time after which the supervisor loses patience.

        Silent while `is_well` says no; the supervisor then ends this process and starts another.
        """
        if self._watchdog_seconds is None:
            return
        while True:
            if is_well():
                self._say("WATCHDOG=1")
            else:
                log.error("watchdog-withheld")
            await wait(self._watchdog_seconds / 2)

    def _say(self, *assignments: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(PATIENCE_SECONDS)
                channel.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            if not self._deaf:
                log.warning("supervisor-not-told", error=error)
            self._deaf = True
