"""Sealing alone: each engine beside the bare `gpg` process with the same flags, by turns."""

import asyncio
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp import gnupg
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.engines import open_engine
from rorpost_gateway.openpgp.process import ALONE, environment
from tests.bench.ground import Ground
from tests.bench.section import MB, Bar, Plan, Say, Section, size
from tests.peers.gnupg_home import PreparedKeys, subkeys

BARE = "bare gpg"
AT_A_TIME = 2
_SEALS = {4096: 60, 100_000: 50, 5 * MB: 10}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Whom to seal to and whom to sign as."""

    seal_to: KeyChoice
    sign_with: KeyChoice


Seals = Callable[[bytes, int, int], float]  # payload, how many, how many at a time → seconds


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    keys = _choose(on.keys)
    contenders = {BARE: _bare(on, keys)} | {name: _by_engine(name, on, keys) for name in plan.engines}
    figures, rows, bars = [], [], []
    for octets in plan.octets:
        payload = (b"0123456789" * (octets // 10 + 1))[:octets]
        for at_a_time in (1, AT_A_TIME):
            times = _by_turns(contenders, payload, at_a_time, plan)
            say(f"{size(octets)}, {at_a_time} at a time: sealed by {', '.join(times)}")
            bare = statistics.median(times[BARE])
            for name, values in times.items():
                middle = statistics.median(values)
                figures.append({"octets": octets, "at_a_time": at_a_time, "who": name, "seconds": values})
                rows.append(
                    (size(octets), str(at_a_time), name, _milliseconds(values), f"{middle / bare:.2f}")
                )
                bars.append(
                    Bar(
                        group=f"{size(octets)}, {at_a_time} at a time",
                        label=name,
                        value=1 / middle,
                        low=1 / max(values),
                        high=1 / min(values),
                    )
                )
    return Section(
        name="engines",
        title="Sealing alone: signed, encrypted, armoured and checked",
        columns=("size", "at a time", "who", "ms a seal", "times the bare gpg"),
        rows=rows,
        figures=figures,
        notes=(
            "ms a seal: elapsed time divided by seals, median of the runs (lowest–highest).",
            "Bare gpg: one process a seal, with the engine gnupg's flags; nobody looks at what it made.",
        ),
        bars=tuple(bars),
        unit="seals a second",
    )


def _by_turns(
    contenders: dict[str, Seals], payload: bytes, at_a_time: int, plan: Plan
) -> dict[str, list[float]]:
    count = max(AT_A_TIME, plan.messages(_SEALS[len(payload)]))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(plan.runs):
        for name, seal in contenders.items():
            times[name].append(seal(payload, count, at_a_time) / count)
    return times


def _milliseconds(values: list[float]) -> str:
    middle, low, high = (
        f"{1e3 * value:.2f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def _choose(keys: PreparedKeys) -> Keys:
    [encrypting] = subkeys(keys.sender_home, keys.receiver)
    return Keys(
        seal_to=KeyChoice(primary=keys.receiver, subkey=encrypting),
        sign_with=KeyChoice(primary=keys.sender, subkey=keys.sender),
    )


def _bare(on: Ground, keys: Keys) -> Seals:
    command = [
        *("gpg", *ALONE, "--batch", "--no-tty", "--homedir", str(on.keys.sender_home)),
        *("--trust-model", "always", "--armor", "--local-user", f"{keys.sign_with.subkey}!"),
        *(*gnupg._ALGORITHMS, *gnupg._FORM, "--recipient", f"{keys.seal_to.subkey}!", "--sign", "--encrypt"),
    ]

    def one(payload: bytes) -> None:
        subprocess.run(command, input=payload, capture_output=True, check=True, env=environment())

    def seals(payload: bytes, count: int, at_a_time: int) -> float:
        with ThreadPoolExecutor(at_a_time) as pool:
            began = time.perf_counter()
            list(pool.map(one, [payload] * count))
            return time.perf_counter() - began

    return seals


def _by_engine(name: str, on: Ground, keys: Keys) -> Seals:
    async def work(payload: bytes, count: int, at_a_time: int) -> float:
        engine = await open_engine(name, on.keys.sender_home, None, now=time.time)
        try:
            return await _seal_all(engine, keys, payload, count, at_a_time)
        finally:
            await engine.close()

    return lambda payload, count, at_a_time: asyncio.run(work(payload, count, at_a_time))


async def _seal_all(engine: Engine, keys: Keys, payload: bytes, count: int, at_a_time: int) -> float:
    async def seal() -> None:
        await engine.seal(payload, seal_to=keys.seal_to, sign_with=keys.sign_with)

    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await seal()

    await asyncio.gather(*(seal() for _ in range(at_a_time)))  # what is made when first needed
    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_a_time)))
    return time.perf_counter() - began
