"""The two gateways left running for somebody who wants to try them with a mail client."""

import asyncio

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo.outbound_scenes import ACCEPTED
from rorpost_gateway.demo.running import Running
from rorpost_gateway.demo.stage import reason_in
from rorpost_gateway.errors import GatewayError

GREETINGS = ACCEPTED[:2]  # one there, one back


class NotGreeted(GatewayError):
    """A gateway did not take the first message."""


async def write_greetings(both: Running) -> None:
    """A message each way, so that the mailboxes are not empty. Raises NotGreeted."""
    for number, scene in enumerate(GREETINGS):
        reply = await asyncio.to_thread(both.stage.play, scene, number)
        if reason_in(reply) is not Reason.OK:
            raise NotGreeted("a gateway does not take messages", private=reply)


async def until_one_ends(both: Running) -> str:
    """Wait, however long that takes, until a gateway ends by itself; whose it was."""
    waiting = {
        asyncio.create_task(each.daemon.ended_by_itself()): each.house.organisation.name
        for each in both.gateways
    }
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    return waiting[done.pop()]
