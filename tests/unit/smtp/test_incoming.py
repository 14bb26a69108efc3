"""The buffer of a connection: lines, chunks, bounds, and who may interrupt whom."""

import asyncio
from typing import Any

import pytest

from rorpost_gateway.smtp.incoming import Ended, IdleTooLong, Incoming, Interrupted, LineTooLong


class Valve(asyncio.Transport):
    """Remembers whether it was told to pause."""

    paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


async def line(incoming: Incoming, **changes: Any) -> bytes:
    return await incoming.line(**({"limit_octets": 20, "timeout_seconds": 1.0} | changes))


async def test_a_line_too_long_is_read_past() -> None:
    incoming = Incoming()
    incoming.feed(b"x" * 20 + b"\n" + b"NOOP\r\n")
    with pytest.raises(LineTooLong):
        await line(incoming)
    assert await line(incoming) == b"NOOP\r\n"


async def test_a_line_without_end_is_not_kept() -> None:
    incoming = Incoming()
    waiting = asyncio.create_task(line(incoming))
    for _ in range(50):
        incoming.feed(b"x" * 1000)
        await asyncio.sleep(0)
    assert len(incoming._buffer) <= 1000
    incoming.feed(b"\nNOOP\r\n")
    with pytest.raises(LineTooLong):
        await waiting
    assert await line(incoming) == b"NOOP\r\n"


async def test_a_line_dripping_in_has_one_time_limit_for_all_of_it() -> None:
    incoming = Incoming()
    waiting = asyncio.create_task(line(incoming, timeout_seconds=0.02))
    async with asyncio.timeout(10):
        while not waiting.done():
            incoming.feed(b"x" if len(incoming._buffer) < 10 else b"")
            await asyncio.sleep(0)
    with pytest.raises(IdleTooLong):
        await waiting


async def test_a_peer_that_pushes_too_fast_waits() -> None:
    incoming, valve = Incoming(), Valve()
    incoming.attach(valve)
    incoming.feed(b"x" * 200_000)
    assert valve.paused
    await incoming.chunk(timeout_seconds=1)
    assert not valve.paused


async def test_clear_text_is_forgotten_and_what_comes_next_is_kept() -> None:
    incoming, plain, secure = Incoming(), Valve(), Valve()
    incoming.attach(plain)
    incoming.feed(b"RSET\r\n")
    incoming.hold_and_discard()
    assert plain.paused
    incoming.feed(b"EHLO x\r\n")  # decrypted before the handshake has been reported
    incoming.attach(secure)
    assert await line(incoming) == b"EHLO x\r\n"
    assert not secure.paused


async def test_an_interrupt_ends_waiting_for_a_command_only() -> None:
    incoming = Incoming()
    waiting = asyncio.create_task(incoming.chunk(timeout_seconds=1))
    await asyncio.sleep(0)
    incoming.interrupt()
    await asyncio.sleep(0)
    incoming.feed(b"data")
    assert await waiting == b"data"
    with pytest.raises(Interrupted):
        await line(incoming)


async def test_what_came_before_the_end_is_still_read() -> None:
    incoming = Incoming()
    incoming.feed(b"QUIT\r\n")
    incoming.feed_end()
    assert await line(incoming) == b"QUIT\r\n"
    with pytest.raises(Ended):
        await line(incoming)
