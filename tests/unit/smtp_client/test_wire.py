"""Replies as they come over a real socket: in pieces, together, unasked, without an end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from rorpost_gateway.smtp_client.wire import LINE_OCTETS, REPLIES, Reply, Unreadable, Wire

PATIENCE_SECONDS = 5
Start = Callable[[], Awaitable[tuple[Wire, socket.socket]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    transports: list[asyncio.Transport] = []
    far_ends: list[socket.socket] = []

    async def make() -> tuple[Wire, socket.socket]:
        near, far = socket.socketpair()
        near.setblocking(False)
        far_ends.append(far)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        transports.append(transport)
        wire = Wire(transport)
        transport.set_protocol(wire)
        return wire, far

    yield make
    for transport in transports:
        transport.abort()
    for far in far_ends:
        far.close()
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0)


async def last_of(wire: Wire, replies: int) -> Reply:
    return [await wire.reply(PATIENCE_SECONDS) for _ in range(replies)][-1]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n",
        b"hello\r\n",
        b"25\r\n",
        b"2_5 x\r\n",
        b"-20 x\r\n",
        b"199 x\r\n",
        b"2500 x\r\n",
        b"600 x\r\n",
        b"\xb2\xb2\xb2 x\r\n",
    ],
)
async def test_what_is_no_reply_ends_it(start: Start, nonsense: bytes) -> None:
    wire, far = await start()
    far.sendall(b"250 first\r\n" + nonsense + b"250 behind\r\n")
    with pytest.raises(Unreadable):
        await last_of(wire, 3)
    assert not wire.clean
    with pytest.raises(ConnectionError):
        wire.write(b"NOOP\r\n")


@pytest.mark.parametrize(
    "endless",
    [
        b"250-" + b"x" * 5 * LINE_OCTETS,
        (b"250-" + b"x" * 1000 + b"\r\n") * 40,
        b"250-\r\n" * 10_000,
        b"250 x\r\n" * (REPLIES + 1),
    ],
)
async def test_what_has_no_end_is_not_kept(start: Start, endless: bytes) -> None:
    wire, far = await start()
    far.sendall(endless)
    await until(lambda: not wire.clean and wire.answered)
    with pytest.raises(Unreadable):
        await last_of(wire, REPLIES + 2)


async def test_silence_ends_in_time_and_a_late_reply_is_unread(start: Start) -> None:
    wire, far = await start()
    with pytest.raises(TimeoutError):
        await wire.reply(0)
    assert wire.clean
    far.sendall(b"250 late\r\n")
    await until(lambda: wire.answered)
    assert not wire.clean


@pytest.mark.parametrize("half", [b"", b"250-one\r\n", b"25"])
async def test_a_cut_is_a_connection_error(start: Start, half: bytes) -> None:
    wire, far = await start()
    far.sendall(half)
    far.close()
    with pytest.raises(ConnectionError):
        await wire.reply(PATIENCE_SECONDS)
    with pytest.raises(ConnectionError):
        await wire.drain()


async def test_what_came_before_the_cut_is_heard(start: Start) -> None:
    wire, far = await start()
    far.sendall(b"552 5.3.4 enough\r\n")
    far.close()
    await until(lambda: not wire.clean)
    assert await wire.reply(PATIENCE_SECONDS) == Reply(552, "5.3.4 enough")


async def test_octet_by_octet(start: Start) -> None:
    wire, far = await start()
    asked = asyncio.create_task(wire.reply(PATIENCE_SECONDS))
    for octet in b"250-one\r\n250-\r\n250 three \r\n":
        far.sendall(bytes([octet]))
        await asyncio.sleep(0)
    assert await asked == Reply(250, "one\n\nthree")
    assert wire.clean


async def test_several_at_once_are_told_in_order(start: Start) -> None:
    wire, far = await start()
    far.sendall(b"250 one\r\n550-two\r\n550 more\r\n354\r\n")
    replies = [await wire.reply(PATIENCE_SECONDS) for _ in range(3)]
    assert replies == [Reply(250, "one"), Reply(550, "two\nmore"), Reply(354, "")]
    assert wire.clean


async def test_a_full_socket_is_waited_for(start: Start) -> None:
    wire, far = await start()
    far.setblocking(False)
    wire.write(b"x" * 4_000_000)
    assert not wire.has_room
    draining = asyncio.create_task(wire.drain())
    received = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while received < 4_000_000:
            received += len(await asyncio.get_running_loop().sock_recv(far, 1 << 20))
    await draining
    assert wire.has_room
