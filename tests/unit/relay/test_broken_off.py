"""A daemon that must stop breaks attempts off; one whose outcome is known is settled all the same."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.smtp_client.base import Attempt, Outgoing, Relayed, Route, Routes
from tests.peers.queues import put_ready
from tests.peers.relaying import Lines, Tower

HOP = "mx.regionostergotland.se:25"
ROUTE = Route(host="mx.regionostergotland.se", port=25, hostname="gw.motala.se")


class Taking:
    """A next hop that takes everything."""

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        self.sent += 1
        return Relayed(reply="250 2.0.0 queued", next_hop=HOP, notify_taken=True)

    async def close(self) -> None:
        pass


class SlowDisk(Lines):
    """A log whose disk takes its time, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.go_on = asyncio.Event(), asyncio.Event()

    async def append(self, records: Sequence[Record]) -> int:
        self.waiting.set()
        await self.go_on.wait()
        return await super().append(records)


async def test_what_was_taken_is_written_down_and_forgotten(queue: Queue, tmp_path: Path) -> None:
    hop, lines = Taking(), SlowDisk()
    routes = Routes(default=ROUTE, by_domain={})
    tower = Tower(queue=queue, client=hop, routes=routes, mail=tmp_path / "mail", lines=lines)
    await put_ready(queue)
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(20):
        await lines.waiting.wait()
        drained = asyncio.create_task(tower.relay.drain(grace_seconds=0))
        for _ in range(20):  # until the grace is over and the attempt is broken off
            await asyncio.sleep(0)
        lines.go_on.set()
        await drained
        await run
    assert hop.sent == 1
    assert lines.events == ["relayed"]
    assert await tower.copies() == []
