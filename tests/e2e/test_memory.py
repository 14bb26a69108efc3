"""What the real daemons take of memory: for a message of 25 MB, and for connections that only stand there."""

import base64
import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.memory import HighWater, tree_octets
from tests.peers.two_gateways import BRINKEN, TwoGateways

MESSAGE_OCTETS = 25_000_000
MOST_TIMES = 6
CONNECTIONS = 150
MOST_PER_CONNECTION_OCTETS = 100_000  # some 35,000 are usual; asyncio's own loop takes 290,000
LIMITS = {
    "message_size": 36_700_160,
    "sealed_size": 54_525_952,
    "in_flight_bytes": 512 * 1024 * 1024,
    "connections_per_client": 2 * CONNECTIONS,
}


@pytest.fixture(scope="module")
def both(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[TwoGateways]:
    config = {"limits": LIMITS, "openpgp": {"engine": "sequoia"}}
    gateways = TwoGateways(prepared_keys, authority, motala=config, region=config)
    try:
        gateways.start()
        # What every daemon takes once, it has taken.
        assert gateways.motala.send(BRINKEN, body="Hej", message_id="<forst@klient>").accepted
        gateways.region.wait_until_delivered(1)
        yield gateways
        gateways.finish()
    finally:
        gateways.close()


def test_a_large_message_is_in_memory_six_times_at_most_on_both_ways(both: TwoGateways) -> None:
    body = base64.encodebytes(random.Random(1).randbytes(MESSAGE_OCTETS * 19 // 26)).replace(b"\n", b"\r\n")
    out, way_in = (side.running.process.pid for side in both.sides)
    with HighWater(out) as sending, HighWater(way_in) as receiving:
        assert both.motala.send(BRINKEN, body=body.decode("ascii"), message_id="<stort@klient>").accepted
        both.region.wait_until_delivered(2)
    assert len(body) > MESSAGE_OCTETS
    assert sending.growth <= MOST_TIMES * MESSAGE_OCTETS
    assert receiving.growth <= MOST_TIMES * MESSAGE_OCTETS


def test_idle_connections_under_tls_cost_little(both: TwoGateways, authority: Authority) -> None:
    context, gateway = authority.client_context(), both.motala
    with ExitStack() as open_connections:
        for _ in range(20):
            open_connections.enter_context(_under_tls(gateway.submission, context))
        before = tree_octets(gateway.running.process.pid)
        for _ in range(CONNECTIONS):
            open_connections.enter_context(_under_tls(gateway.submission, context))
        each = (tree_octets(gateway.running.process.pid) - before) / CONNECTIONS
    assert each <= MOST_PER_CONNECTION_OCTETS


def _under_tls(address: tuple[str, int], context: ssl.SSLContext) -> ssl.SSLSocket:
    """Greeted, and silent from then on."""
    plain = socket.create_connection(address, timeout=30)
    for command in (b"", b"EHLO idle\r\n", b"STARTTLS\r\n"):
        plain.sendall(command)
        _reply(plain)
    secured = context.wrap_socket(plain, server_hostname="localhost")
    secured.sendall(b"EHLO idle\r\n")
    _reply(secured)
    return secured


def _reply(connection: socket.socket) -> None:
    said = b""
    while not said.endswith(b"\r\n") or said.split(b"\r\n")[-2][3:4] == b"-":
        more = connection.recv(4096)
        assert more, said
        said += more
