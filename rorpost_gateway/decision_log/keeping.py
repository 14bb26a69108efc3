"""What is done to a log that is open for writing: its key rotated, its old files purged.

The order is what makes it evidence: first the line, durable, then the checkpoint
that covers it, and only then what the line tells of.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from rorpost_gateway.decision_log import key_rotation, upkeep
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.purging import removable, remove
from rorpost_gateway.decision_log.signing import SigningKey, read
from rorpost_gateway.decision_log.tail import FileSummary
from rorpost_gateway.errors import GatewayError


class OpenLog(Protocol):
    """Of the writer: what is needed here."""

    async def append(self, records: Sequence[Record]) -> int: ...

    async def publish_now(self) -> object: ...

    def sign_with(self, *keys: SigningKey) -> None:
        """Every checkpoint from now on is signed by each of `keys`."""
        ...


class StepLeft(GatewayError):
    """The log says that it was done, but a file could not be changed. It is not begun again."""


async def rotate(log: OpenLog, key_file: Path, *, operator: str) -> tuple[SigningKey, SigningKey]:
    """Put a new signing key in force; the old one and the new. The old one is destroyed.

    Raises LogUnavailable, ConfigurationInvalid, OSError before anything has come into
    force, StepLeft after it (the next start of the daemon completes it).
    """
    current = await asyncio.to_thread(read, key_file)
    new = await asyncio.to_thread(key_rotation.prepare, key_file, current.origin)
    # From before the line on, so that no checkpoint can cover it that the old key alone has signed.
    log.sign_with(current, new)
    await log.append([upkeep.rotated(vkey=new.vkey, previous=current.vkey, operator=operator)])
    await complete_rotation(log, key_file, new)
    return current, new


async def complete_rotation(log: OpenLog, key_file: Path, new: SigningKey) -> None:
    """What is left of a rotation once its line is in the log, which signs with both keys until then.

    Raises LogUnavailable, StepLeft.
    """
    await log.publish_now()
    try:
        await asyncio.to_thread(key_rotation.complete, key_file, new)
    except OSError as error:
        raise StepLeft(
            "the log has its new key, but the key files could not be changed; the next start tries again",
            private=f"{key_file}: {error}",
        ) from error
    log.sign_with(new)


async def purge(
    log: OpenLog, folder: Path, *, before: date, decision: str, operator: str, disk: Disk | None = None
) -> tuple[FileSummary, ...]:
    """Remove whole day files of days before `before`, never the newest; what was removed.

    Raises PurgeRefused, LogDamaged, LogUnavailable before anything is removed, StepLeft
    where a file could not be (asked again, it is told of once more and removed).
    """
    files = await asyncio.to_thread(removable, folder, before)
    if files:
        await log.append([upkeep.purged(file, decision=decision, operator=operator) for file in files])
        await log.publish_now()
        try:
            await asyncio.to_thread(remove, folder, files, disk or Disk())
        except OSError as error:
            raise StepLeft(
                f"the log tells of the purge, but a file could not be removed ({error.strerror}); "
                "mend that and purge again",
                private=f"{folder}: {error}",
            ) from error
    return files
