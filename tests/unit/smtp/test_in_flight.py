"""Octets in flight, size times recipients: bounded over all sessions, told early, always given back."""

import asyncio
from typing import Any

import pytest

from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.listener import Listener, TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Wire
from tests.peers.authority import Authority

OFF: dict[str, Any] = {"tls": TlsMode.OFF}
FULL = "452 4.3.1 [gateway-full]"


async def in_data(listener: Listener, *, recipients: int = 1, mail: str = "MAIL FROM:<a@x.se>") -> Wire:
    wire = await Wire.connect(*listener.addresses[0])
    await wire.reply()
    for command in ("EHLO client", mail, *(f"RCPT TO:<b{n}@x.se>" for n in range(recipients))):
        assert (await wire.ask(command)).startswith("250 ")
    assert (await wire.ask("DATA")).startswith("354 ")
    return wire


async def used(budget: Budget, octets: int) -> None:
    async with asyncio.timeout(10):
        while budget.used_octets != octets:
            await asyncio.sleep(0)


@pytest.mark.parametrize("recipients", [1, 3])
async def test_the_sum_of_many_sessions_is_bounded(recipients: int, authority: Authority) -> None:
    receiver, budget = RoteReceiver(hold=asyncio.Event()), Budget(1000 * recipients)
    async with listening(authority, receiver, budget=budget, **OFF) as listener:
        wires = [await in_data(listener, recipients=recipients) for _ in range(12)]
        for wire in wires:
            await wire.send(b"x" * 98 + b"\r\n.\r\n")
            await used(budget, min(wires.index(wire) + 1, 10) * 100 * recipients)
        for wire in wires[10:]:
            assert (await wire.reply())[0].startswith(FULL)
        assert receiver.hold is not None
        receiver.hold.set()
        for wire in wires[:10]:
            assert (await wire.reply())[0].startswith("250 ")
        assert budget.used_octets == 0
        for wire in wires:
            wire.close()


async def test_each_recipient_counts(authority: Authority) -> None:
    receiver, budget = RoteReceiver(hold=asyncio.Event()), Budget(400)
    async with listening(authority, receiver, budget=budget, **OFF) as listener:
        first = await in_data(listener, recipients=2)
        await first.send(b"x" * 98 + b"\r\n.\r\n")
        await used(budget, 200)
        second = await in_data(listener, recipients=3)
        await second.send(b"x" * 98 + b"\r\n.\r\n")
        assert (await second.reply())[0].startswith(FULL)
        third = await in_data(listener, recipients=2)
        await third.send(b"x" * 98 + b"\r\n.\r\n")
        await used(budget, 400)
        assert receiver.hold is not None
        receiver.hold.set()
        for wire in (first, third):
            assert (await wire.reply())[0].startswith("250 ")
        for wire in (first, second, third):
            wire.close()
    assert len(receiver.taken) == 2


async def test_what_could_never_fit_is_not_to_be_tried_again(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), budget=Budget(250), **OFF) as listener:
        wire = await in_data(listener, recipients=3)
        await wire.send(b"x" * 98 + b"\r\n.\r\n")
        assert (await wire.reply())[0].startswith("552 5.3.4 ")
        wire.close()


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_who_goes_away_half_way_gives_all_back(how: str, authority: Authority) -> None:
    budget = Budget(1000)
    async with listening(authority, RoteReceiver(), budget=budget, **OFF) as listener:
        wire = await in_data(listener, recipients=2)
        await wire.send(b"x" * 100 + b"\r\n")
        await used(budget, 2 * 100)  # the last line end may yet begin the end of data
        wire.close() if how == "closes" else wire.reset()
        await used(budget, 0)


async def test_who_is_too_slow_gives_all_back(authority: Authority) -> None:
    budget = Budget(1000)
    changes = {**OFF, "data_timeout_seconds": 0.02}
    async with listening(authority, RoteReceiver(), budget=budget, **changes) as listener:
        wire = await in_data(listener)
        await wire.send(b"x" * 100 + b"\r\n")
        assert (await wire.reply())[0].startswith("421 4.4.2 ")
        assert budget.used_octets == 0
        wire.close()


async def test_an_announced_size_that_does_not_fit_now_is_told_at_once(authority: Authority) -> None:
    receiver, budget = RoteReceiver(hold=asyncio.Event()), Budget(1000)
    async with listening(authority, receiver, budget=budget, **OFF) as listener:
        first = await in_data(listener)
        await first.send(b"x" * 598 + b"\r\n.\r\n")
        await used(budget, 600)
        second = await Wire.connect(*listener.addresses[0])
        await second.reply()
        await second.ask("EHLO client")
        assert (await second.ask("MAIL FROM:<a@x.se> SIZE=401")).startswith(FULL)
        assert (await second.ask("MAIL FROM:<a@x.se> SIZE=400")).startswith("250 ")
        assert receiver.hold is not None
        receiver.hold.set()
        assert (await first.reply())[0].startswith("250 ")
        assert (await second.ask("RSET")).startswith("250 ")
        assert (await second.ask("MAIL FROM:<a@x.se> SIZE=401")).startswith("250 ")
        first.close()
        second.close()


async def test_an_announced_size_reserves_nothing(authority: Authority) -> None:
    """Or a client could keep all others out by a word."""
    budget = Budget(1000)
    async with listening(authority, RoteReceiver(), budget=budget, **OFF) as listener:
        wire = await in_data(listener, mail="MAIL FROM:<a@x.se> SIZE=900")
        assert budget.used_octets == 0
        wire.close()


async def test_messages_in_pieces_that_would_go_round_the_bounds_are_not_offered(
    authority: Authority,
) -> None:
    async with listening(authority, RoteReceiver(), **OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.send(b"EHLO client\r\n")
        assert not any("CHUNKING" in line or "BINARYMIME" in line for line in await wire.reply())
        assert (await wire.ask("BDAT 10 LAST")).startswith("500 5.5.1 ")
        wire.close()
