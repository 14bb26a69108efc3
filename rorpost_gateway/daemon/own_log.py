"""Opening the log that the configuration names: its key, and what a crash left of a rotation."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from rorpost_gateway.config.model import Config
from rorpost_gateway.decision_log import key_rotation
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.folder import day_files
from rorpost_gateway.decision_log.keeping import complete_rotation
from rorpost_gateway.decision_log.publication import Published
from rorpost_gateway.decision_log.restarting import refuse_half_restarted
from rorpost_gateway.decision_log.signing import SigningKey, load_or_create
from rorpost_gateway.decision_log.writer import LogWriter, Written, open_log
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged

_log = structlog.get_logger()

_WAY_OUT = (
    "Keep the log as it is and tell the auditor. `rorpost audit restart --decision REFERENCE` sets it aside "
    "and begins a new one."
)


class LogKeys(NamedTuple):
    """The signing key, and the one that takes its place where a rotation was cut short."""

    current: SigningKey
    following: SigningKey | None


async def open_own_log(
    config: Config,
    *,
    now: Callable[[], float] = time.time,
    genesis: Record | None = None,
    on_failure: Callable[[BaseException], None] | None = None,
    on_written: Written | None = None,
    on_published: Published | None = None,
) -> LogWriter:
    """The configured log, open for writing. `genesis` is entry 0 of a log begun anew.

    Raises ConfigurationInvalid, LogDamaged, LogUnavailable.
    """
    settings = config.decision_log
    keys = await asyncio.to_thread(_keys, config, restarting=genesis is not None)
    try:
        log = await open_log(
            settings.dir,
            node=config.node,
            signing_key=keys.current,
            next_key=keys.following,
            witness_file=settings.witness_file,
            genesis=genesis,
            now=now,
            on_failure=on_failure,
            on_written=on_written,
            on_published=on_published,
        )
    except LogDamaged as damaged:
        raise LogDamaged(damaged.public, private=f"{damaged.private}\n{_WAY_OUT}") from damaged
    if log.witness_file_was_missing:
        # Once, after it was configured, that is as it should be; later it hides what it is there to show.
        _log.warning("witness-file-missing", file=str(settings.witness_file))
    if keys.following is not None:
        try:
            await complete_rotation(log, settings.signing_key_file, keys.following)
        except BaseException:
            await log.close()
            raise
        _log.warning("key-rotation-completed", vkey=keys.following.vkey)
    return log


def refuse_missing_key(config: Config) -> None:
    """Raises ConfigurationInvalid where the key is gone but a log is there, which no other can go on with."""
    settings = config.decision_log
    if not settings.signing_key_file.exists() and settings.dir.is_dir() and day_files(settings.dir):
        raise ConfigurationInvalid(
            f"{settings.signing_key_file} is missing, but there is a log that it signed: put it back, "
            "or begin anew by `rorpost audit restart --decision REFERENCE`"
        )


def _keys(config: Config, *, restarting: bool) -> LogKeys:
    settings = config.decision_log
    if not restarting:
        refuse_half_restarted(settings.dir)
        refuse_missing_key(config)
    try:
        config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        current = load_or_create(settings.signing_key_file, settings.origin)
        return LogKeys(current, key_rotation.pending(settings.signing_key_file, settings.dir))
    except OSError as error:
        raise ConfigurationInvalid(f"{error.filename}: cannot be used: {error.strerror}") from error
