"""Running the daemon: signals, the line with `ready`, and an orderly end."""

import asyncio
import os
import resource
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from rorpost_gateway.config.model import Config, PolicyReload
from rorpost_gateway.daemon.gateway import Clock, Gateway
from rorpost_gateway.daemon.notify import Supervisor
from rorpost_gateway.daemon.policy_watch import PolicyWatch

log = structlog.get_logger()

OTHER_DESCRIPTORS = 512  # connections to next hops, pipes to gpg, files


async def serve(config: Config, *, now: Clock = time.time) -> int:
    """Run until SIGTERM or SIGINT, or until the decision log fails; the exit code.

    `now` is the clock that everything decides and logs by, in seconds since 1970.
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
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # held back since the first moment
    supervisor = Supervisor.from_environment(os.environ)
    policy_watch = _policy_watch(config)
    gateway = await Gateway.open(config, give_up=ending.set, now=now)
    watching: list[asyncio.Task[None]] = []
    try:
        await gateway.start()
        log.info("ready", **_places(gateway))
        supervisor.ready(gateway.status)
        watching.append(asyncio.create_task(supervisor.watch(lambda: gateway.well), name="watchdog"))
        if policy_watch is not None:
            watching.append(asyncio.create_task(policy_watch.run(hangup.set), name="policy-watch"))
        await _until(ending, hangup, partial(_reload, gateway, supervisor, policy_watch))
    finally:
        supervisor.stopping()
        for task in watching:
            task.cancel()
        sound = await gateway.stop()
    return 0 if sound else 1


def _places(gateway: Gateway) -> dict[str, str]:
    """Where it listens, by what for."""
    metrics = [gateway.metrics_address] if gateway.metrics_address else []
    places = {"listening": gateway.addresses, "inbound": gateway.inbound_addresses, "metrics": metrics}
    return {name: ", ".join(f"{host}:{port}" for host, port in each) for name, each in places.items() if each}


def _policy_watch(config: Config) -> PolicyWatch | None:
    if config.policy_reload is not PolicyReload.WATCH:
        return None
    return PolicyWatch(config.policies, quiet_seconds=config.policy_quiet_seconds)


async def _reload(gateway: Gateway, supervisor: Supervisor, policy_watch: PolicyWatch | None) -> None:
    supervisor.reloading()
    if policy_watch is not None:
        await policy_watch.read()
    await gateway.reload()
    supervisor.ready(gateway.status)


async def _until(
    ending: asyncio.Event, hangup: asyncio.Event, reload: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Reload at each hangup, one at a time, until the end is asked for; that breaks a reload off."""
    ended = asyncio.ensure_future(ending.wait())
    while not ended.done():
        await _unless(ended, hangup.wait())
        if hangup.is_set() and not ended.done():
            hangup.clear()
            await _unless(ended, reload())


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
