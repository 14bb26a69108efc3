"""Every witness of the log, asked side by side: none waits for another, and none can stop the log.

A checkpoint is sent as soon as it is published, to each witness at most every few seconds.
What a witness answers is published behind the log's own signature. One that does not answer
is asked again later; that it did not is a figure, and one line when it begins and ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.witness.asking import Witness, WitnessConflict
from rorpost_gateway.witness.base import Published

log = structlog.get_logger()

APART_SECONDS: Final = 5.0  # between two checkpoints to the same witness
AGAIN_SECONDS: Final = 30.0  # after one that did not cosign
Checkpoint = TypeVar("Checkpoint", bound=Published)


@dataclass(frozen=True, kw_only=True)
class WitnessFigure:
    """How one witness stands. `conflict`: it held what this log is no continuation of, at least once."""

    name: str
    size: int  # entries that it has cosigned, as far as is known
    failures: int
    conflict: bool


class _Standing:
    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.cosigned = 0  # the size of the checkpoint that it last cosigned for us
        self.failures = 0
        self.failing = False
        self.conflict = False
        self.news = asyncio.Event()


class Witnesses:
    """`publish` shows a checkpoint again with a witness's line; it raises LogUnavailable, ValueError."""

    def __init__(
        self,
        witnesses: Sequence[Witness],
        *,
        newest: Callable[[], Checkpoint | None],
        publish: Callable[[Sequence[bytes], Checkpoint], Awaitable[object]],
        now: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._standings = [_Standing(witness) for witness in witnesses]
        self._newest: Callable[[], Checkpoint | None] = newest
        self._publish = publish
        self._now = now
        self._wait = wait

    @property
    def figures(self) -> tuple[WitnessFigure, ...]:
        return tuple(
            WitnessFigure(
                name=each.witness.key.name,
                size=each.witness.size,
                failures=each.failures,
                conflict=each.conflict,
            )
            for each in self._standings
        )

    def published(self, checkpoint: object = None) -> None:  # noqa: ARG002 - the newest one is asked for
        """There is a new checkpoint. Called on the event loop."""
        for standing in self._standings:
            standing.news.set()

    async def run(self) -> None:
        """Go on until cancelled, or until the log takes nothing more."""
        async with asyncio.TaskGroup() as group:
            for standing in self._standings:
                group.create_task(self._serve(standing), name="witness")

    async def round(self) -> None:
        """Ask each witness once about the newest checkpoint, all at the same time."""
        await asyncio.gather(*(self._ask(standing) for standing in self._standings))

    async def _serve(self, standing: _Standing) -> None:
        while True:
            await standing.news.wait()
            standing.news.clear()
            if not await self._ask(standing):
                return
            if standing.failing:
                standing.news.set()
            await self._wait(AGAIN_SECONDS if standing.failing else APART_SECONDS)

    async def _ask(self, standing: _Standing) -> bool:
        """Whether there is a log to go on for."""
        checkpoint = self._newest()
        if checkpoint is None or checkpoint.size <= standing.cosigned:
            return True
        try:
            found = await standing.witness.cosign(checkpoint, now=self._now())
            await self._publish([found.line], checkpoint)
        except LogUnavailable:
            return False
        except Exception as error:  # noqa: BLE001 - a witness must not stop the gateway, whatever it does
            _failed(standing, error)
            return True
        standing.cosigned = checkpoint.size
        _answered(standing)
        return True


def _failed(standing: _Standing, error: Exception) -> None:
    standing.failures += 1
    conflict = isinstance(error, WitnessConflict)
    if conflict and not standing.conflict:
        log.error("witness-conflict", witness=standing.witness.key.name, error=error)
    elif not standing.failing:
        log.warning("witness-failed", witness=standing.witness.key.name, error=error)
    standing.failing = True
    standing.conflict = standing.conflict or conflict


def _answered(standing: _Standing) -> None:
    if standing.failing:
        log.info("witness-answers", witness=standing.witness.key.name)
    standing.failing = False
