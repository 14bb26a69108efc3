"""A listener for one test, and an address of this machine that is not loopback."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rorpost_gateway.smtp.base import Receiver
from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.listener import Listener, ListenerSettings, TlsMode
from tests.dialogs.receiver import LIMIT_OCTETS
from tests.peers.authority import Authority

HOSTNAME = "gw.motala.se"


@asynccontextmanager
async def listening(
    authority: Authority, receiver: Receiver, *, budget: Budget | None = None, **changes: Any
) -> AsyncIterator[Listener]:
    """Start a listener on a free loopback port, and end it whatever happens."""
    tls = changes.pop("tls", TlsMode.STARTTLS)
    given: dict[str, Any] = {
        "listen": ("127.0.0.1:0",),
        "hostname": HOSTNAME,
        "tls": tls,
        "certificate": None if tls is TlsMode.OFF else authority.certificate,
        "key": None if tls is TlsMode.OFF else authority.key,
        "message_size_octets": LIMIT_OCTETS,
    }
    listener = Listener(ListenerSettings(**(given | changes)), receiver, budget=budget)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.close()


def outside_address() -> str:
    """This machine's own address towards others. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])
