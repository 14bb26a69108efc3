"""The log's upkeep where no daemon runs: the same steps, under the log's lock, as the user it belongs to."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.config.model import Config
from rorpost_gateway.control.base import Caller
from rorpost_gateway.control.log_verbs import LogVerbs
from rorpost_gateway.daemon.as_owner import become_owner, own_name
from rorpost_gateway.daemon.log_upkeep import OwnLog, require_reference
from rorpost_gateway.daemon.own_log import open_own_log, refuse_missing_key
from rorpost_gateway.decision_log import record, restarting
from rorpost_gateway.decision_log.folder import day_files
from rorpost_gateway.decision_log.signing import create, read
from rorpost_gateway.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Restarted:
    """The new log's verifier key, and where the old log is kept."""

    vkey: str
    kept: Path


class Offline:
    """For one command. `now` is seconds since the epoch, UTC."""

    def __init__(self, config: Config, *, now: Callable[[], float] = time.time) -> None:
        self._config = config
        self._now = now
        self._caller = Caller(uid=os.getuid(), name=own_name())

    async def do(self, verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One of the verbs of `control.log_verbs`, with this process's user as the operator.

        Raises what the verb does; NotFound where there is no log, LogUnavailable where it is in use.
        """
        settings = self._config.decision_log
        become_owner((settings.dir, settings.signing_key_file, self._config.state_dir))
        if not settings.dir.is_dir() or not day_files(settings.dir):
            raise NotFound(
                f"there is no log in {settings.dir} yet, and {settings.signing_key_file} is there already"
            )
        log = await open_own_log(self._config, now=self._now)
        try:
            own = OwnLog(log, folder=settings.dir, key_file=settings.signing_key_file)
            done: Mapping[str, Any] = await LogVerbs(upkeep=own).handlers()[verb](self._caller, arguments)
            return done
        finally:
            await log.close()

    async def restart(self, decision: str) -> Restarted:
        """Begin a new log in place of one that does not hold; see `decision_log.restarting`.

        Raises ArgumentInvalid (`decision`), ConfigurationInvalid (there is no log),
        LogUnavailable (a daemon writes it), OSError.
        """
        settings = self._config.decision_log
        require_reference(decision)
        become_owner((settings.dir, settings.signing_key_file, self._config.state_dir))
        restart, kept = await asyncio.to_thread(
            restarting.begin,
            settings.dir,
            origin=settings.origin,
            decision=decision,
            operator=self._caller.name,
            now=self._now(),
        )
        restarting.set_aside(settings.witness_file, restart.stamp)
        restarting.renew_key(settings.signing_key_file, restart.origin)
        vkey = read(settings.signing_key_file).vkey
        genesis = record.genesis(vkey=vkey, origin=restart.origin, **restart.genesis_fields())
        log = await open_own_log(self._config, now=self._now, genesis=genesis)
        await log.close()
        restarting.finish(settings.dir)
        return Restarted(vkey=vkey, kept=kept)


def create_key(config: Config) -> str:
    """Make the signing key before there is a log; its verifier key. Raises ConfigurationInvalid, OSError."""
    settings = config.decision_log
    refuse_missing_key(config)
    become_owner((config.state_dir,))
    return create(settings.signing_key_file, settings.origin).vkey
