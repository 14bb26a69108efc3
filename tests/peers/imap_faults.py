"""What a server, or the network before it, can do wrong. Each is hung on a command of the simulator."""

import asyncio
from collections.abc import Callable

from tests.peers.imap_simulator import Connection, Fault, Simulator

HUNDRED_MB = 100 * 1024 * 1024


def cut() -> Fault:
    """The connection is gone instead of an answer."""

    async def fault(connection: Connection) -> bool:
        connection.cut()
        raise ConnectionError

    return fault


def half_closed() -> Fault:
    """The server says no more, in the way of TCP."""

    async def fault(connection: Connection) -> bool:
        connection.writer.close()
        raise ConnectionError

    return fault


def cut_after_doing() -> Fault:
    """What was asked is done, but nobody hears of it: the connection is gone instead of an answer."""

    async def fault(connection: Connection) -> bool:
        connection.deaf = True
        return False

    return fault


def bye(text: str = "[UNAVAILABLE] closing down") -> Fault:
    async def fault(connection: Connection) -> bool:
        await connection.say(f"* BYE {text}")
        connection.cut()
        raise ConnectionError

    return fault


def silence() -> Fault:
    """Nothing, and the connection stays."""

    async def fault(connection: Connection) -> bool:
        await connection.reader.read()
        raise ConnectionError

    return fault


def says(*octets: bytes) -> Fault:
    """Exactly these, instead of the answer; `%s` is the command's tag."""

    async def fault(connection: Connection) -> bool:
        for each in octets:
            await connection.raw(each.replace(b"%s", connection.tag.encode()))
        return True

    return fault


def first_says(octets: bytes) -> Fault:
    """Exactly these, and then the right answer."""

    async def fault(connection: Connection) -> bool:
        await connection.raw(octets)
        return False

    return fault


def refuses(text: str = "[SERVERBUG] no") -> Fault:
    async def fault(connection: Connection) -> bool:
        await connection.no(text)
        return True

    return fault


def endless_literal(beginning: bytes = b"* 1 FETCH (UID 1 BODY[] ", octets: int = 1000) -> Fault:
    """A literal whose last octets never come."""

    async def fault(connection: Connection) -> bool:
        await connection.raw(beginning + b"{%d}\r\n" % octets + b"x" * (octets - 1))
        await connection.reader.read()
        raise ConnectionError

    return fault


def huge_literal(octets: int = HUNDRED_MB, beginning: bytes = b"* 1 FETCH (UID 1 BODY[] ") -> Fault:
    """A literal of so many octets is announced, and sent until nobody listens."""

    async def fault(connection: Connection) -> bool:
        await connection.raw(beginning + b"{%d}\r\n" % octets)
        while True:
            await connection.raw(b"x" * 65536)

    return fault


def flood(octets: bytes = (b"* OK still here" + b"." * 1000 + b"\r\n") * 64) -> Fault:
    """Lines without end, each of them right."""

    async def fault(connection: Connection) -> bool:
        while True:
            await connection.raw(octets)

    return fault


def drip(octet: bytes = b"x") -> Fault:
    """An octet at a time, for ever."""

    async def fault(connection: Connection) -> bool:
        await connection.raw(b"* OK ")
        while True:
            await connection.raw(octet)
            with_a_pause = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.005, with_a_pause.set_result, None)
            await with_a_pause

    return fault


def changes(change: Callable[[Simulator], None]) -> Fault:
    """Something becomes of the mailbox just before the command is answered."""

    async def fault(connection: Connection) -> bool:
        change(connection.simulator)
        return False

    return fault


def nothing() -> Fault:
    """Answered rightly: the fault comes later."""

    async def fault(_: Connection) -> bool:
        return False

    return fault
