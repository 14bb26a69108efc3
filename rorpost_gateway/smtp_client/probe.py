"""Knocking at a next hop without a message: would it take one?"""

import asyncio
import ssl

from rorpost_gateway.smtp_client.base import Route
from rorpost_gateway.smtp_client.lmtp import session_for
from rorpost_gateway.smtp_client.timeouts import Timeouts
from rorpost_gateway.smtp_client.tls import client_context
from rorpost_gateway.smtp_client.verdict import AttemptEnded


async def probe(route: Route, *, timeout_seconds: float) -> str | None:
    """Connect, secure the connection, log in, say goodbye. What went wrong; None if nothing did."""
    try:
        context = await asyncio.to_thread(client_context, route)
    except (OSError, ssl.SSLError) as fault:
        return f"the file of certificate authorities cannot be used: {fault.strerror or fault}"
    timeouts = Timeouts(connect_seconds=timeout_seconds, command_seconds=timeout_seconds)
    session = session_for(route, timeouts, context)
    try:
        async with asyncio.timeout(timeout_seconds):
            await session.open()
            await session.quit()
    except AttemptEnded as ended:
        return ended.outcome.reply
    except TimeoutError:
        return f"no answer within {timeout_seconds:g} s"
    finally:
        session.abort()
    return None
