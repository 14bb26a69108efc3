"""`python -m tests.bench.policy_child CONFIG TOWN REVISED`: one policy, measured in a process of its own.

CONFIG names the policy, TOWN (JSON) says what it holds, REVISED is a folder with a later version of it.
Prints its figures as JSON. The reload is the daemon's own `Holder`; at the end the old policy is gone.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.in_force import Holder
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.freed_memory import uncollected
from rorpost_gateway.logins import Logins
from rorpost_gateway.openpgp.engines import open_engine
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.policy.diff import compare
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.matrix import matrix
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.reception.house import InForce
from tests.bench import deciding, towns
from tests.bench.cpu import Processes
from tests.bench.towns import Town

_BEAT_SECONDS = 0.001
_ROUNDS = 15


class NoLog:
    """Takes every line at once: how long a disk takes is not measured here."""

    async def append(self, records: Sequence[Record]) -> int:
        return len(records)

    async def close(self) -> None: ...


def measure(config: Config, town: Town, revised: Path) -> dict[str, Any]:
    this = Processes(root=os.getpid())
    before, cpu_before, began = this.peak_octets(), time.process_time(), time.perf_counter()
    policy = _load(config, config.policies)
    figures: dict[str, Any] = {
        "load_seconds": time.perf_counter() - began,
        "load_cpu_seconds": time.process_time() - cpu_before,
        "peak_octets": this.peak_octets(),
        "grown_octets": this.peak_octets() - before,
        "counts": policy.counts(),
    }
    figures |= asdict(deciding.measure(policy, town, rounds=_ROUNDS))
    figures |= _compared(config, policy, revised)
    holder = [policy]
    del policy
    this.forget_peak()
    figures |= asyncio.run(_reloaded(config, holder, revised))
    return figures | {"reload_peak_octets": this.peak_octets()}


def _load(config: Config, path: Path) -> Policy:
    with uncollected():
        return load_policy(path, own_domains=config.domains, timezone=config.timezone)


def _compared(config: Config, policy: Policy, revised: Path) -> dict[str, Any]:
    after = _load(config, revised)
    began = time.perf_counter()
    difference = compare(policy, after, own_domains=config.domains)
    compared = time.perf_counter()
    rows = matrix(after, towns.DAY)
    return {
        "diff_seconds": compared - began,
        "matrix_seconds": time.perf_counter() - compared,
        "changed": len(difference.refused) + len(difference.authorisations),
        "matrix_rows": len(rows),
    }


async def _reloaded(config: Config, first: list[Policy], revised: Path) -> dict[str, Any]:
    """`first` is emptied, so that nobody but the holder has the policy that is replaced."""
    engine = await open_engine(config.openpgp.engine, config.openpgp.home, None, now=time.time)
    keys = await load_index(config.openpgp.home)
    holder = Holder(config, InForce(policy=first.pop(), keys=keys, logins=Logins(None)), engine)
    await holder.begin(NoLog())
    config.policies.rename(config.policies.with_name("policies-before"))
    revised.rename(config.policies)
    heart = Heart()
    await heart.next_beat()
    began = time.perf_counter()
    if not await holder.reload(NoLog()):
        raise RuntimeError("the reload was refused")
    took = time.perf_counter() - began
    await heart.next_beat()
    late = heart.stop()
    await engine.close()
    return {"reload_seconds": took, "stall_seconds": late[-1], "usually_late_seconds": late[len(late) // 2]}


class Heart:
    """How late the event loop comes to what is due, beat by beat."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._late: list[float] = []
        self._beaten = asyncio.Event()
        self._begin()

    async def next_beat(self) -> None:
        self._beaten.clear()
        await self._beaten.wait()

    def stop(self) -> list[float]:
        """Every lateness so far, the least first."""
        self._next.cancel()
        return sorted(self._late)

    def _begin(self) -> None:
        self._next = self._loop.call_later(_BEAT_SECONDS, self._beat, self._loop.time() + _BEAT_SECONDS)

    def _beat(self, due: float) -> None:
        self._late.append(self._loop.time() - due)
        self._beaten.set()
        self._begin()


if __name__ == "__main__":
    found = measure(load_config(Path(sys.argv[1])), Town(**json.loads(sys.argv[2])), Path(sys.argv[3]))
    sys.stdout.write(json.dumps(found) + "\n")
