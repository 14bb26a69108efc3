"""The flaw: commands that cost the client nothing kept the gateway busy for everybody else.

NOOP is answered at once and never ends a session. Seen here: 600 connections, nobody logged in, 20,000
pipelined NOOPs each: a login elsewhere took 37 seconds. A session that brings no message ends; one that
does may go on.
"""

import socket

import pytest

from rorpost_gateway.smtp.session import FRUITLESS_COMMANDS
from tests.peers.submitting import make_message, submit
from tests.peers.whole_gateway import MakeGateway

LINES = {
    "NOOP": b"NOOP\r\n",
    "RSET": b"RSET\r\n",
    "EHLO": b"EHLO a.example\r\n",
    "VRFY": b"VRFY a\r\n",
    "MAIL": b"MAIL FROM:<a@b.example>\r\n",
}


@pytest.mark.parametrize("name", LINES)
def test_a_session_that_brings_nothing_ends(whole_gateway: MakeGateway, name: str) -> None:
    gateway = whole_gateway(config={"submission": {"tls": {"on_loopback": "optional"}}})
    gateway.start()
    with socket.create_connection(gateway.submission, timeout=20) as client:
        client.sendall(b"EHLO a.example\r\n" + LINES[name] * (FRUITLESS_COMMANDS + 50))
        heard = b""
        while octets := client.recv(65536):
            heard += octets
    assert heard.endswith(b"421 4.7.0 Too many commands and no message, closing\r\n")
    assert gateway.submit().accepted


def test_one_that_brings_messages_goes_on(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    gateway.start()
    with gateway.connect() as client:
        for number in range(3):
            for _ in range(FRUITLESS_COMMANDS - 10):
                assert client.noop()[0] == 250
            assert submit(client, make_message(message_id=f"<{number}@klient>")).accepted
