"""The flaw: one client that guessed passwords had every place at the password check, and nobody could log in.

Seen here: 45 connections from one address, each guessing as fast as it was answered, and not one of
twenty right logins from elsewhere was taken (454). No account and no password is needed for that.
"""

import asyncio
from dataclasses import replace

from rorpost_gateway.envelope import Client, Login
from rorpost_gateway.outbound.guessing import FORGOTTEN_AFTER_SECONDS, WRONG_MOST
from rorpost_gateway.reply import Reply
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

GUESSER = Client(ip="198.51.100.66", tls="TLSv1.3")
OTHER = Client(ip="192.0.2.7", tls="TLSv1.3")
MANY = 80


async def guess(house: OutboundHouse, client: Client = GUESSER, *, password: str = "wrong") -> Login | Reply:
    return await house.outbound.authenticate(client, "anna", password.encode())


async def guess_wrong(house: OutboundHouse, client: Client = GUESSER) -> None:
    for _ in range(WRONG_MOST):
        answer = await guess(house, client)
        assert isinstance(answer, Reply)
        assert answer.code == 535


async def test_others_log_in_while_one_guesses(house: OutboundHouse) -> None:
    await guess_wrong(house)
    attack = [asyncio.create_task(guess(house)) for _ in range(MANY)]
    await asyncio.sleep(0)
    right = await guess(house, OTHER, password=world.PASSWORD)
    assert isinstance(right, Login)
    codes = [answer.code for answer in await asyncio.gather(*attack) if isinstance(answer, Reply)]
    assert (codes.count(535), codes.count(454)) == (1, MANY - 1)


async def test_the_right_password_counts_after_wrong_ones(house: OutboundHouse) -> None:
    await guess_wrong(house)
    assert isinstance(await guess(house, password=world.PASSWORD), Login)


async def test_wrong_passwords_are_forgotten(house: OutboundHouse) -> None:
    await guess_wrong(house)
    house.clock.now += FORGOTTEN_AFTER_SECONDS
    both = await asyncio.gather(guess(house), guess(house))
    assert [answer.code for answer in both if isinstance(answer, Reply)] == [535, 535]


async def test_many_addresses_of_one_ipv6_network_are_one_client(house: OutboundHouse) -> None:
    clients = [replace(GUESSER, ip=f"2001:db8:0:1::{number:x}") for number in range(1, 21)]
    await guess_wrong(house, clients[0])
    answers = await asyncio.gather(*(guess(house, client) for client in clients))
    assert [answer.code for answer in answers if isinstance(answer, Reply)].count(454) == len(clients) - 1
    assert {client.network for client in clients} == {"2001:db8:0:1::/64"}
    assert OTHER.network == OTHER.ip
