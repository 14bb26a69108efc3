"""What operators and auditors ask of the daemon's own decision log, by the control socket."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from rorpost_gateway.control.base import ArgumentInvalid
from rorpost_gateway.decision_log import keeping, upkeep
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.identity_number import contains_identity_number

Result = TypeVar("Result")


def require_reference(decision: str) -> None:
    """Raises ArgumentInvalid for what cannot be a formal decision's reference in a log that is handed out."""
    if not upkeep.valid_reference(decision):
        raise ArgumentInvalid(
            f"a reference is one line of 1 to {upkeep.REFERENCE_OCTETS} octets, such as 'KS 2026/117'"
        )
    if contains_identity_number(decision):
        raise ArgumentInvalid("a reference must not contain a personal identity number")


class OwnLog:
    """The verbs of `control.log_verbs`, for the log that this daemon writes (a LogUpkeep)."""

    def __init__(self, log: LogWriter, *, folder: Path, key_file: Path) -> None:
        self._log = log
        self._folder = folder
        self._key_file = key_file
        self._one_at_a_time = asyncio.Lock()

    async def extract(self, operator: str, verb: str, filters: Sequence[str], entries: int) -> int:
        return await self._log.append(
            [upkeep.extract(operator=operator, verb=verb, filters=filters, entries=entries)]
        )

    async def keyring(self, operator: str, verb: str, fingerprints: Sequence[str]) -> int:
        return await self._log.append(
            [upkeep.keyring(operator=operator, verb=verb, fingerprints=fingerprints)]
        )

    async def new_key(self, operator: str) -> Mapping[str, str]:
        """Raises LogUnavailable, StepLeft."""
        old, new = await self._to_its_end(keeping.rotate(self._log, self._key_file, operator=operator))
        return {"vkey": new.vkey, "previous": old.vkey}

    async def purge(self, operator: str, before: date, decision: str) -> Mapping[str, Any]:
        """Raises ArgumentInvalid, PurgeRefused, LogDamaged, LogUnavailable, StepLeft."""
        require_reference(decision)
        files = await self._to_its_end(
            keeping.purge(self._log, self._folder, before=before, decision=decision, operator=operator)
        )
        return {
            "files": [file.name for file in files],
            "entries": sum(file.last - file.first + 1 for file in files),
        }

    async def _to_its_end(self, work: Awaitable[Result]) -> Result:
        """Not broken off half way where the caller's time is up, and one at a time."""

        async def alone() -> Result:
            async with self._one_at_a_time:
                return await work

        try:
            return await asyncio.shield(asyncio.create_task(alone()))
        except OSError as error:
            raise LogUnavailable(
                f"a file could not be used ({error.strerror}); nothing was changed", private=f"{error}"
            ) from error
