"""How the daemon is watched from outside: its health, and the pages /metrics, /healthz, /readyz."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.figures import Figures
from rorpost_gateway.daemon.health import Check, Health, Phase, Progress, Standing
from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.daemon.parts import Parts, Stores
from rorpost_gateway.daemon.witnessing import Witnessing
from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.server import HttpServer
from rorpost_gateway.metrics.exposition import CONTENT_TYPE, exposition
from rorpost_gateway.metrics.tallies import Tallies


@dataclass(frozen=True, kw_only=True)
class Watched:
    """`monitor` is None where the configuration has no `metrics`."""

    progress: Progress
    health: Health
    monitor: HttpServer | None
    figures: Figures | None = None

    def enter(self, phase: Phase) -> None:
        """The daemon has come so far; shown at once."""
        self.progress.phase = phase
        self._show()

    def reloaded(self, *, certificate_refused: bool) -> None:
        """Everything that can be was read anew; shown at once."""
        self.progress.certificate_refused = certificate_refused
        self._show()

    def _show(self) -> None:
        if self.figures is not None:
            self.figures.forget()


def make_watched(
    config: Config,
    holder: Holder,
    stores: Stores,
    parts: Parts,
    tallies: Tallies | None,
    now: Callable[[], float],
    witnessing: Witnessing,
) -> Watched:
    """Nothing is bound yet. `tallies` are there where the configuration has `metrics`."""
    progress = Progress()
    health = Health(
        progress=progress,
        decision_log=stores.decision_log,
        queue=stores.queue,
        holder=holder,
        log_folder=config.decision_log.dir,
        message_octets=config.limits.sealed_size,
        places=lambda: [place for listener in parts.listeners for place in listener.addresses],
    )
    if config.metrics is None or tallies is None:
        return Watched(progress=progress, health=health, monitor=None)
    figures = Figures(
        config=config,
        holder=holder,
        queue=stores.queue,
        listeners=parts.listeners,
        budget=parts.budget,
        health=health,
        witnessing=witnessing,
        collecting=parts.collecting,
        supervising=parts.supervising,
        reminders=parts.reminders,
        now=now,
        clock=time.monotonic,
    )
    monitor = _make_monitor(config.metrics.listen, tallies=tallies, figures=figures, health=health, now=now)
    return Watched(progress=progress, health=health, monitor=monitor, figures=figures)


def _make_monitor(
    listen: str, *, tallies: Tallies, figures: Figures, health: Health, now: Callable[[], float]
) -> HttpServer:

    async def metrics() -> Answer:
        snapshot = await figures.snapshot()
        # In a thread: a policy with thousands of mailboxes makes thousands of lines about their keys.
        body = await asyncio.to_thread(exposition, tallies.tallied(), snapshot, now=now())
        return Answer(body=body, content_type=CONTENT_TYPE)

    async def healthz() -> Answer:
        return _answer(health.alive(), "alive")

    async def readyz() -> Answer:
        return _answer(await figures.checks(), "ready")

    return HttpServer(listen, {"/metrics": metrics, "/healthz": healthz, "/readyz": readyz})


def _answer(checks: Sequence[Check], word: str) -> Answer:
    """The verdict on a line, then a line a check: its standing, its name, and what there is to say."""
    failed = any(check.standing is Standing.FAILED for check in checks)
    lines = [f"{check.standing:<7} {check.name}: {check.text}" for check in checks]
    text = "\n".join([f"not {word}" if failed else word, *lines, ""])
    return Answer(body=text.encode("utf-8"), status=503 if failed else 200)
