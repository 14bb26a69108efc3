"""Every source at once."""

import asyncio
from collections.abc import Sequence

from rorpost_gateway.collecting.collector import Collector
from rorpost_gateway.collecting.figures import Figures
from rorpost_gateway.collecting.telling import Telling

TELLING_GRACE_SECONDS = 5.0


class Collecting:
    """`run` is to be cancelled at the end."""

    def __init__(self, collectors: Sequence[Collector], telling: Telling) -> None:
        self._collectors = tuple(collectors)
        self._telling = telling

    @property
    def figures(self) -> tuple[Figures, ...]:
        return tuple(each.figures for each in self._collectors)

    async def run(self) -> None:
        """Until cancelled; then what is being decided is decided and noted first."""
        try:
            async with asyncio.TaskGroup() as together:
                for each in self._collectors:
                    together.create_task(each.run(), name=f"collecting {each.source.name}")
        finally:
            await self._telling.finish(grace_seconds=TELLING_GRACE_SECONDS)
