"""A listener for one test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rorpost_gateway.smtp.base import Receiver
from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.listener import Listener, ListenerSettings, TlsMode
from rorpost_gateway.smtp.pace import Now
from tests.dialogs.receiver import LIMIT_OCTETS
from tests.peers.authority import Authority

HOSTNAME = "gw.motala.se"
BOUND_SECONDS = 60


@asynccontextmanager
async def listening(
    authority: Authority,
    receiver: Receiver,
    *,
    budget: Budget | None = None,
    now: Now = time.monotonic,
    **changes: Any,
) -> AsyncIterator[Listener]:
    """Start a listener on a free loopback port, and end it whatever happens, or takes too long."""
    tls = changes.pop("tls", TlsMode.STARTTLS)
    given: dict[str, Any] = {
        "listen": ("127.0.0.1:0",),
        "hostname": HOSTNAME,
        "tls": tls,
        "certificate": None if tls is TlsMode.OFF else authority.certificate,
        "key": None if tls is TlsMode.OFF else authority.key,
        "message_size_octets": LIMIT_OCTETS,
    }
    listener = Listener(ListenerSettings(**(given | changes)), receiver, budget=budget, now=now)
    await listener.start()
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield listener
    finally:
        await listener.close()
