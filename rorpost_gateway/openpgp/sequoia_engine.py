"""The engine that holds its keys itself and seals by Sequoia; implements `Engine`.

The keys come out of the GnuPG home when it is opened and at every reload. Sequoia does
not mind what has expired or was revoked, so the engine asks the key index of that same
export once more before each seal. A small message is sealed on the spot; a large one
would stall the event loop, since pysequoia holds the interpreter, and goes to a child.
"""

import asyncio
import functools
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import ConfigurationInvalid, SealingFailed
from rorpost_gateway.openpgp.base import Sealed
from rorpost_gateway.openpgp.exporting import ExportedKeys, export_keys
from rorpost_gateway.openpgp.sealing_pool import SealingPool
from rorpost_gateway.openpgp.sequoia import SequoiaKeys
from rorpost_gateway.openpgp.transferable import read_keyring

# Sealing as much on the spot stalls the loop for a quarter of a millisecond, as much as the way to
# a child and back takes.
IN_PROCESS_OCTETS = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """One reading of the home: as children get it, and ready for use here."""

    exported: ExportedKeys
    here: SequoiaKeys


class SequoiaEngine:
    """Made by `open`. Payloads up to `in_process_octets` are sealed in this process; 0 means none."""

    def __init__(
        self,
        home: Path,
        passphrase: str | None,
        loaded: _Loaded,
        *,
        now: Callable[[], float],
        in_process_octets: int,
        pool: SealingPool,
    ) -> None:
        self._home = home
        self._passphrase = passphrase
        self._loaded = loaded
        self._now = now
        self._in_process_octets = in_process_octets
        self._pool = pool

    @classmethod
    async def open(
        cls,
        home: Path,
        passphrase: str | None,
        *,
        now: Callable[[], float],
        in_process_octets: int = IN_PROCESS_OCTETS,
        workers: int | None = None,
        timeout_seconds: float = 120,
    ) -> "SequoiaEngine":
        """Read the keys of a GnuPG home. `now` gives seconds since the epoch; by itself one worker a core.

        Raises ConfigurationInvalid, which names every secret part that may sign and cannot
        be had; GnupgFailed or ListingMalformed where the home cannot be read.
        """
        loaded = await _load(home, passphrase, _moment(now))
        pool = SealingPool(workers=workers or len(os.sched_getaffinity(0)), timeout_seconds=timeout_seconds)
        return cls(home, passphrase, loaded, now=now, in_process_octets=in_process_octets, pool=pool)

    async def seal(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        """See `Engine`. Raises SealingFailed."""
        loaded = self._loaded
        _check_state(loaded.exported, seal_to, sign_with, _moment(self._now))
        if len(payload) <= self._in_process_octets:
            return loaded.here.seal_now(payload, seal_to=seal_to, sign_with=sign_with)
        given = [payload]  # emptied by whoever takes it: what waits here holds a large message no longer
        del payload
        work = functools.partial(
            self._pool.seal, given, loaded.exported, seal_to=seal_to, sign_with=sign_with
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool.executor, work)
        except RuntimeError as error:  # the executor is closed
            raise _failed("the engine is closed") from error

    async def read_keys(self) -> Callable[[], None]:
        """See `Engine`. Raises as `open` does."""
        fresh = await _load(self._home, self._passphrase, _moment(self._now))

        def put_in_force() -> None:
            self._loaded = fresh

        return put_in_force

    def refused(self, seal_to: Collection[KeyChoice]) -> dict[KeyChoice, str]:
        """Those keys that cannot be sealed to, although the index would choose them, and why."""
        why = {}
        for choice in seal_to:
            try:
                self._loaded.here.try_sealing_to(choice)
            except SealingFailed as error:
                why[choice] = error.private
        return why

    async def close(self) -> None:
        """Wait for what is being sealed and end the children."""
        await asyncio.to_thread(self._pool.close)


async def _load(home: Path, passphrase: str | None, at: datetime) -> _Loaded:
    exported = await export_keys(home, passphrase, at=at)
    return await asyncio.to_thread(_made_ready, home, exported)


def _made_ready(home: Path, exported: ExportedKeys) -> _Loaded:
    """Every part that may sign is tried, so that what cannot be used is known before a message needs it."""
    findings = []
    try:
        keys = SequoiaKeys(read_keyring(exported.public, exported.secret), exported.passphrase)
    except SealingFailed as error:
        raise ConfigurationInvalid(f"{home}: the exported keys cannot be read: {error.private}") from error
    for part in exported.signing:
        try:
            keys.try_signing(part)
        except SealingFailed as error:
            findings.append(
                f"{home}: the secret key {part.subkey} cannot be used by sequoia: {error.private}"
            )
    if findings:
        findings.append(f"{home}: sequoia needs secret keys that gpg can export with the passphrase")
        raise ConfigurationInvalid("\n".join(findings))
    return _Loaded(exported=exported, here=keys)


def _check_state(keys: ExportedKeys, seal_to: KeyChoice, sign_with: KeyChoice, at: datetime) -> None:
    """What Sequoia would not mind."""
    sealing = keys.index.fault_of(seal_to, at)
    signing = keys.index.accepts(sign_with.primary, sign_with.subkey, signed_at=at, at=at)
    for use, fault in (("encrypt to", sealing), ("sign with", signing)):
        if isinstance(fault, Reason):
            raise _failed(f"the key to {use} is not in force: {fault}")


def _moment(now: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(now(), UTC)


def _failed(private: str) -> SealingFailed:
    return SealingFailed("the message could not be sealed", private=private)
