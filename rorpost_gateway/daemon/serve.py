"""Running the daemon: signals, the line with `ready`, and an orderly end."""

import asyncio
import os
import resource
import signal
from collections.abc import Coroutine
from typing import Any

import structlog

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.gateway import Gateway

log = structlog.get_logger()

OTHER_DESCRIPTORS = 512  # connections to next hops, pipes to gpg, files


async def serve(config: Config) -> int:
    """Run until SIGTERM or SIGINT, or until the decision log fails; the exit code.

    Raises ConfigurationInvalid and other GatewayErrors where it cannot start.
    """
    _protect_memory()
    _raise_descriptor_limit(config.limits.connections)
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
        partners = ", ".join(f"{host}:{port}" for host, port in gateway.inbound_addresses)
        log.info("ready", listening=where, **({"inbound": partners} if partners else {}))
        await _until(ending, hangup, gateway)
    finally:
        sound = await gateway.stop()
    return 0 if sound else 1


async def _until(ending: asyncio.Event, hangup: asyncio.Event, gateway: Gateway) -> None:
    """Reload at each hangup, one at a time, until the end is asked for; that breaks a reload off."""
    ended = asyncio.ensure_future(ending.wait())
    while not ended.done():
        await _unless(ended, hangup.wait())
        if hangup.is_set() and not ended.done():
            hangup.clear()
            await _unless(ended, gateway.reload())


async def _unless(ended: asyncio.Future[Any], work: Coroutine[Any, Any, Any]) -> None:
    """Do the work, or as much of it as there is time for."""
    doing = asyncio.ensure_future(work)
    await asyncio.wait({ended, doing}, return_when=asyncio.FIRST_COMPLETED)
    if doing.done():
        doing.result()
    else:
        doing.cancel()
        await asyncio.wait({doing})


def _protect_memory() -> None:
    """A core file would hold messages in clear text."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _raise_descriptor_limit(connections: int) -> None:
    """Room for every connection, the refused ones too, and still for gpg, the queue and the log.

    Without it a flood of connections takes the descriptors that a new day's log file needs.
    """
    wanted = 2 * connections + OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few-file-descriptors", allowed=allowed, wanted=wanted)
