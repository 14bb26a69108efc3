"""A client that sends whatever octets it likes, and a daemon that has to endure it."""

import itertools
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.whole_gateway import WholeGateway

IMPATIENT = Path(__file__).with_name("impatient_daemon.py")
PATIENCE_SECONDS = 30
_numbers = itertools.count()


class Since:
    """What came about since: lines of decisions, arrivals."""

    def __init__(self, gateway: WholeGateway) -> None:
        self._gateway = gateway
        self._lines = len(gateway.log_lines())
        self._arrivals = len(gateway.next_hop.arrivals)

    @property
    def decisions(self) -> list[dict[str, Any]]:
        return [line for line in self._gateway.log_lines()[self._lines :] if line["event"] == "decision"]

    @property
    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.decisions]

    @property
    def arrivals(self) -> list[Any]:
        return self._gateway.next_hop.arrivals[self._arrivals :]


class BareClient:
    """A client that says whatever octets it likes, under TLS and logged in where not told otherwise."""

    def __init__(self, gateway: WholeGateway, *, tls: bool = True, login: bool = True) -> None:
        self.socket: socket.socket = socket.create_connection(gateway.submission, timeout=PATIENCE_SECONDS)
        self._file = self.socket.makefile("rb")
        self.reply()
        self.ask(b"EHLO raw")
        if tls:
            self.ask(b"STARTTLS")
            context = gateway.authority.client_context()
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            self._file = self.socket.makefile("rb")
            self.ask(b"EHLO raw")
        if login:
            secret = b64encode(f"\0anna\0{world.PASSWORD}".encode())
            assert self.ask(b"AUTH PLAIN " + secret).startswith(b"235 ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self) -> bytes:
        """The last line of the next reply; empty where the connection has ended."""
        while (line := self._file.readline())[3:4] == b"-":
            pass
        return line

    def ask(self, command: bytes) -> bytes:
        self.send(command + b"\r\n")
        return self.reply()

    def to_data(self) -> None:
        assert self.ask(f"MAIL FROM:<{world.HOME_CARE}>".encode()).startswith(b"250 ")
        assert self.ask(f"RCPT TO:<{world.BRINKEN}>".encode()).startswith(b"250 ")
        assert self.ask(b"DATA").startswith(b"354 ")


def _running(keys: PreparedKeys, authority: Authority, wrapper: Path | None) -> Iterator[WholeGateway]:
    limits = {"recipients": 100, "message_size": 4_000_000}
    with WholeGateway(keys, authority, config={"limits": limits}) as gateway:
        gateway.start(wrapper=wrapper)
        yield gateway
        assert gateway.stop() == 0
        gateway.verify_log()


@pytest.fixture(scope="module")
def enduring_daemon(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[WholeGateway]:
    """One daemon for all; its timeouts and numbers are the shipped ones."""
    yield from _running(prepared_keys, authority, None)


@pytest.fixture(scope="module")
def impatient(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[WholeGateway]:
    """A daemon whose timeouts are seconds in the place of minutes; for who keeps it waiting on purpose."""
    yield from _running(prepared_keys, authority, IMPATIENT)


@pytest.fixture
def enduring(enduring_daemon: WholeGateway) -> Iterator[WholeGateway]:
    """The daemon of the module; whatever a test did to it, it serves afterwards, and wrote no traceback."""
    yield enduring_daemon
    enduring_daemon.wait_until_empty()
    before = len(enduring_daemon.next_hop.arrivals)
    assert enduring_daemon.submit(message_id=f"<efterat.{next(_numbers)}@klient>").reason == "ok"
    enduring_daemon.wait_for_arrivals(before + 1)
    enduring_daemon.wait_until_empty()
    assert not [
        line for line in enduring_daemon.operator_lines if "Traceback" in line or "session-fault" in line
    ]
