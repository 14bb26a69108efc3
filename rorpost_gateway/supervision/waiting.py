"""Waiting for a moment, or for something that happens before it."""

import asyncio
from collections.abc import Coroutine


async def until_either(moment: Coroutine[None, None, None], event: asyncio.Event) -> None:
    """Return when the moment has come or the event is set. What is not waited for any more is cancelled."""
    tasks = (asyncio.create_task(moment), asyncio.create_task(event.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
