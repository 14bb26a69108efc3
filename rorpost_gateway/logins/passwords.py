"""Whether a password is right: argon2id, off the event loop, bounded, and equally slow for everyone.

An unknown login costs what a known one costs, so that answering times do not tell
which logins exist. One pool serves the whole process, whatever users are in force.
RFC 9106 (Argon2).
"""

import asyncio
import base64
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import argon2

from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import LoginsBusy
from rorpost_gateway.logins.users import Users

WORKERS = 2
WAITING = 32

# OWASP's choice for servers: some 20 ms and 19 MiB a login, one thread, so that guessing
# passwords cannot starve the messages.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class CheckingPool:
    """Threads that check passwords; at most `waiting` more logins than there are threads."""

    def __init__(self, *, workers: int = WORKERS, waiting: int = WAITING) -> None:
        self._workers = workers
        self._room = workers + waiting

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._workers, thread_name_prefix="login")

    async def matches(self, password_hash: str, password: bytes) -> bool:
        """Raises LoginsBusy rather than keeping more logins waiting."""
        if not self._room:
            raise LoginsBusy("too many logins at once")
        self._room -= 1
        loop = asyncio.get_running_loop()
        checking = self._threads.submit(_matches, password_hash, password)
        # Room comes back when the thread is done, not when the client has gone away.
        checking.add_done_callback(lambda _: self._give_room(loop))
        return await asyncio.wrap_future(_uncancelled(checking))

    def _give_room(self, loop: asyncio.AbstractEventLoop) -> None:
        def give() -> None:
            self._room += 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(give)

    def close(self) -> None:
        self._threads.shutdown()
