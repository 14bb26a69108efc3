"""The engines by the names that the configuration gives them."""

from collections.abc import Callable, Collection
from pathlib import Path

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.openpgp.sequoia_engine import SequoiaEngine

GNUPG, SEQUOIA = "gnupg", "sequoia"


async def open_engine(
    name: str, home: Path, passphrase: str | None, *, now: Callable[[], float], processes: int = 0
) -> Engine:
    """Open the engine of that name over a GnuPG home. `now` gives seconds since the epoch.

    Where there are `processes` beside the daemon's own, all sealing is theirs: on one core it
    would cost more than it gives. Raises ConfigurationInvalid where the home's keys cannot be
    used by it, and other GatewayErrors.
    """
    if name == SEQUOIA:
        if processes:
            return await SequoiaEngine.open(home, passphrase, now=now, in_process_octets=0, workers=processes)
        return await SequoiaEngine.open(home, passphrase, now=now)
    return GnupgEngine(home, passphrase)


async def refused_by_engine(
    name: str, home: Path, passphrase: str | None, *, now: Callable[[], float], seal_to: Collection[KeyChoice]
) -> dict[KeyChoice, str]:
    """Which of these keys, all of them in force, the engine cannot seal to; and why.

    gpg was asked when the keys were listed: what it can use is what the index chooses.
    Raises as `open_engine` does, which is a finding too.
    """
    if name != SEQUOIA:
        return {}
    engine = await SequoiaEngine.open(home, passphrase, now=now)
    try:
        return engine.refused(seal_to)
    finally:
        await engine.close()
