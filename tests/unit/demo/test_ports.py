"""Ports that are reserved for a server that starts later."""

import asyncio
import socket

from rorpost_gateway.demo.ports import reserved_ports


def test_a_server_can_have_a_reserved_port() -> None:
    async def listen(port: int) -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    with reserved_ports(2) as (one, other):
        assert one != other
        asyncio.run(listen(one))
        asyncio.run(listen(other))


def test_nobody_else_is_given_it() -> None:
    with reserved_ports(3) as ports:
        for _ in range(200):
            with socket.socket() as client:
                client.bind(("127.0.0.1", 0))
                assert client.getsockname()[1] not in ports


def test_nobody_answers_there_until_then() -> None:
    with reserved_ports(1) as (port,), socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
