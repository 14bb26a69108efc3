"""The log's checkpoints and time-stamps in other people's hands: its parts, made from the configuration.

Nothing of it can stop the gateway, and it waits for nobody: what does not work is a figure.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.merkle import consistency_proof
from rorpost_gateway.audit.tiles import TileReader
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.found import Found, error
from rorpost_gateway.decision_log.published.note import Checkpoint
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged, LogUnavailable
from rorpost_gateway.witness.asking import Proof, Witness
from rorpost_gateway.witness.stamper import Stamper
from rorpost_gateway.witness.timestamp import Roots, read_roots
from rorpost_gateway.witness.witnesses import Witnesses

LAST_SECONDS: Final = 3.0  # at the end, for the witnesses' word on the last lines
TIMESTAMPS: Final = "timestamps"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What the configuration names by files, read: TLS by witness, and the authorities of time."""

    tls: Sequence[ssl.SSLContext | None]
    roots: Roots


def read_trust(config: Config) -> Trust:
    """Raises ConfigurationInvalid."""
    settings = config.decision_log
    return Trust(
        tls=[None if witness.ca is None else _context(witness.ca) for witness in settings.witnesses],
        roots=() if settings.timestamps is None else _roots(settings.timestamps.ca),
    )


def check_witnessing(config: Config) -> Iterator[Found]:
    """What `rorpost check` says of it. Nobody is asked."""
    try:
        read_trust(config)
    except ConfigurationInvalid as fault:
        yield error(config.file, f"decision_log: {fault.public}")


class Witnessing:
    """Made before the log is opened, so that what is wrong is told first; `attach` gives it the log."""

    def __init__(self, config: Config, *, now: Callable[[], float]) -> None:
        """Raises ConfigurationInvalid."""
        self._log: LogWriter | None = None
        settings, trust = config.decision_log, read_trust(config)
        self.witnesses = Witnesses(
            [
                Witness(key=each.key, url=each.url, tls=tls, proof=proof_from(settings.dir))
                for each, tls in zip(settings.witnesses, trust.tls, strict=True)
            ],
            newest=self._newest,
            publish=self._publish,
            now=now,
        )
        self.stamper: Stamper | None = None
        if settings.timestamps is not None:
            self.stamper = Stamper(
                folder=settings.dir / TIMESTAMPS,
                url=settings.timestamps.url,
                roots=trust.roots,
                newest=self._newest,
                now=now,
            )

    def attach(self, log: LogWriter) -> None:
        """From now on there is a log to speak for."""
        self._log = log

    async def run(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.witnesses.run(), name="witnesses")
            if self.stamper is not None:
                group.create_task(self.stamper.run(), name="timestamps")

    async def last_round(self) -> None:
        """What was written last goes to the witnesses too, if they answer soon."""
        if self._log is None or not self.witnesses.figures:
            return
        with suppress(LogUnavailable, TimeoutError):
            await self._log.publish_now()
            async with asyncio.timeout(LAST_SECONDS):
                await self.witnesses.round()

    def _newest(self) -> Checkpoint | None:
        return None if self._log is None else self._log.published

    async def _publish(self, lines: Sequence[bytes], of: Checkpoint) -> None:
        if self._log is not None:
            await self._log.add_signatures(lines, of)


def proof_from(folder: Path) -> Proof:
    """Consistency proofs from the hash tiles in the log's folder."""

    def make(old: int, new: int) -> list[bytes]:
        try:
            return consistency_proof(old, new, TileReader(folder).tree(new))
        except Broken as broken:
            raise LogDamaged("the decision log does not hold", private=str(broken)) from broken

    async def prove(old: int, new: int) -> Sequence[bytes]:
        return await asyncio.to_thread(make, old, new)

    return prove


def _context(ca: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationInvalid(f"{ca}: no certificates that can be used: {error.strerror}") from error


def _roots(ca: Path) -> Roots:
    try:
        return read_roots(ca.read_bytes())
    except OSError as error:
        raise ConfigurationInvalid(f"{ca}: cannot be read: {error.strerror}") from error
    except ConfigurationInvalid as error:
        raise ConfigurationInvalid(f"{ca}: {error.public}") from error
