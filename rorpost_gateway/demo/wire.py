"""What goes over the wire, looked at before it does.

The receiving gateway is frozen for a moment, so that the sealed copy rests in the sender's queue:
the very octets that are relayed.
"""

import asyncio
from dataclasses import dataclass, field

from rorpost_gateway.demo.daemon import Daemon
from rorpost_gateway.demo.world import House
from rorpost_gateway.queue.base import Copy, Queue
from rorpost_gateway.queue.url import open_queue

_WAIT_SECONDS = 20
_LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class OnTheWire:
    """One sealed copy. `sealed_sha256` is of its OpenPGP packets, as both logs have it."""

    sender: str
    recipient: str
    octets: bytes = field(repr=False)
    sealed_sha256: str


async def look(house: House) -> OnTheWire | None:
    """The first copy in a gateway's queue; None where none comes."""
    queue = await open_queue(f"sqlite:{house.queue}", house.folder, alone=False)
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            copy = await _first(queue)
        return OnTheWire(
            sender=copy.message.reverse_path,
            recipient=copy.recipient,
            octets=await queue.sealed(copy.message.queue_id, copy.recipient),
            sealed_sha256=copy.sealed_sha256,
        )
    except TimeoutError:
        return None
    finally:
        await queue.close()


async def _first(queue: Queue) -> Copy:
    while True:
        if copies := await queue.list():
            return copies[0]
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


class Frozen:
    """`with Frozen(daemon):` the daemon answers nobody."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def __enter__(self) -> None:
        self._daemon.freeze()

    def __exit__(self, *_: object) -> None:
        self._daemon.thaw()
