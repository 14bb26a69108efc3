"""Running the daemon: signals, the line with `ready`, and an orderly end."""

import asyncio
import os
import resource
import signal
import sys

import structlog

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.gateway import Gateway

log = structlog.get_logger()


async def serve(config: Config) -> int:
    """Run until SIGTERM or SIGINT, or until the decision log fails; the exit code.

    Raises ConfigurationInvalid and other GatewayErrors where it cannot start.
    """
    _protect_memory()
    os.umask(0o077)
    loop = asyncio.get_running_loop()
    ending, hangup = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    gateway = await Gateway.open(config, give_up=ending.set)
    try:
        await gateway.start()
        where = ", ".join(f"{host}:{port}" for host, port in gateway.addresses)
        log.info("ready", listening=where)
        sys.stderr.flush()
        await _until(ending, hangup, gateway)
    finally:
        sound = await gateway.stop()
    return 0 if sound else 1


async def _until(ending: asyncio.Event, hangup: asyncio.Event, gateway: Gateway) -> None:
    """Reload at each hangup, one at a time, until the end is asked for."""
    while not ending.is_set():
        waits = {asyncio.ensure_future(ending.wait()), asyncio.ensure_future(hangup.wait())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        if hangup.is_set() and not ending.is_set():
            hangup.clear()
            await gateway.reload()


def _protect_memory() -> None:
    """A core file would hold messages in clear text."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
