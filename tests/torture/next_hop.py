"""A next hop that answers as it likes: 250, 4xx, 5xx, or a cut connection, by a seeded chance.

It has taken a message from the moment it begins to say 250: that is noted before the
first octet of the answer leaves, so that nobody can know of an answer sooner.
"""

import asyncio
import base64
import contextlib
import hashlib
import random
import re
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from tests.torture.evidence import IN_CLEAR
from tests.torture.ledger import Arrival, Ledger

BOUND_SECONDS = 20
SAMPLE = 150  # arrivals whose octets are kept
_LINE_OCTETS = 4 * 1024 * 1024
_OFFERED = b"250-partner.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 DSN\r\n"
_ARMOUR = re.compile(rb"-----BEGIN PGP MESSAGE-----\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)-----END", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Mood:
    """Chances, at RCPT and again after the message; what is left is 250."""

    defer: float = 0.0
    refuse: float = 0.0
    cut: float = 0.0
    slow_seconds: float = 0.0  # at most, before the answer to a message


FRIENDLY = Mood()


class _Cut(Exception):
    pass


class FickleNextHop:
    """Listens on a port of loopback until `close`. `mood` may be changed at any time."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self.mood = FRIENDLY
        self._ledger = ledger
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="next hop", daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._call(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LINE_OCTETS)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(BOUND_SECONDS)
        self._loop.close()

    async def _end(self) -> None:
        self._ended.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer, self._ledger.run)
        except (_Cut, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the daemon is gone, or this side wanted it so
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, run: int) -> None:
        recipients: list[str] = []
        writer.write(b"220 partner.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line.split(b" ", 1)[0].strip().upper()
            if verb == b"EHLO":
                writer.write(_OFFERED)
            elif verb == b"RCPT":
                writer.write(self._to_recipient(line, recipients))
            elif verb == b"DATA" and not recipients:
                writer.write(b"554 5.5.1 no valid recipients\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go ahead\r\n")
                octets = await reader.readuntil(b"\r\n.\r\n")
                writer.write(await self._to_message(octets, recipients, run))
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                await writer.drain()
                return
            else:
                recipients.clear()  # MAIL and RSET
                writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()

    def _to_recipient(self, line: bytes, recipients: list[str]) -> bytes:
        answer = self._answer(b"250 2.1.5 ok\r\n")
        if answer.startswith(b"250"):
            recipients.append(line.partition(b"<")[2].partition(b">")[0].decode("ascii"))
        return answer

    async def _to_message(self, octets: bytes, recipients: list[str], run: int) -> bytes:
        with contextlib.suppress(TimeoutError):  # it thinks for a while, unless it ends meanwhile
            async with asyncio.timeout(self._chance.uniform(0, self.mood.slow_seconds)):
                await self._ended.wait()
        answer = self._answer(b"250 2.0.0 taken\r\n")
        message = octets.replace(b"\r\n..", b"\r\n.")
        if IN_CLEAR.search(message):
            self._ledger.seen_in_clear.append("on the way to the next hop")
        if answer.startswith(b"250"):
            self._note(message, recipients, run)
        recipients.clear()
        return answer

    def _answer(self, usual: bytes) -> bytes:
        mood, drawn = self.mood, self._chance.random()
        if drawn < mood.cut:
            raise _Cut
        if drawn < mood.cut + mood.defer:
            return b"450 4.2.0 not now\r\n"
        if drawn < mood.cut + mood.defer + mood.refuse:
            return b"550 5.1.1 never\r\n"
        return usual

    def _note(self, message: bytes, recipients: list[str], run: int) -> None:
        armour = _ARMOUR.search(message)
        body = armour[1].split(b"\r\n=", 1)[0] if armour else message
        digest = hashlib.sha256(base64.b64decode(body) if armour else body).hexdigest()
        kept = len(self._ledger.arrivals) < SAMPLE or self._chance.random() < 0.02
        for recipient in recipients:
            self._ledger.add_arrival(
                Arrival(run=run, recipient=recipient, sealed_sha256=digest, octets=message if kept else None)
            )

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOUND_SECONDS)
