"""The decision log: lines made durable, verified, searched and proved, and what it costs the sending path."""

import asyncio
import random
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.proofs import prove
from rorpost_gateway.decision_log.signing import SigningKey, generate
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from tests.bench import log_cost
from tests.bench.cpu import Processes
from tests.bench.ground import Ground
from tests.bench.log_lines import DAY_SECONDS, SPREAD, lines_of_a_message, one_in_a_thousand
from tests.bench.section import Plan, Say, Section, rate, spread

ORIGIN = "motala.se/rorpost/gw1"
_BEGAN = 1_778_068_800.0
_DURABLE = {1: 1500, 16: 12_000, 64: 30_000}  # how many messages, by how many at a time
_LONG = 1_000_000
_DAYS = 10
_PROOFS = 200
_LOOK_AGAIN_SECONDS = 0.1


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Raises RuntimeError where a command of the auditor's fails, or a message is not taken."""
    rows, figures = [], {}
    for at_a_time, full in _DURABLE.items():
        rates = [_durable(on, at_a_time, plan.messages(full), run) for run in range(plan.runs)]
        rows.append((f"lines a second made durable, {at_a_time} at a time", spread(rates)))
        figures[f"durable {at_a_time}"] = rates
        say(f"{at_a_time} at a time: {spread(rates)} lines a second durable")
    for lines in sorted({plan.messages(_LONG) // 10, plan.messages(_LONG)} - {0}):
        found = _long_log(on, lines, say)
        rows += found.items()
        figures[f"{lines} lines"] = found
    for name, cost in log_cost.measure(on, plan, say).items():
        rows.append((name, cost.text))
        figures[name] = cost.figures
    return Section(
        name="log",
        title="The decision log",
        columns=("what", "figure"),
        rows=rows,
        figures=figures,
        notes=(
            "Durable: each task appends a line and waits for it; tiles and checkpoints are published beside.",
            "Verified and searched by the command, its start included; searched without verifying first.",
            "MiB: resident peaks of its processes, shared pages counted in each.",
            "Proved: one entry drawn by chance at a time, in this process.",
            "The sending path: 4 kB by turns, the same daemon once with an append that does nothing at all.",
        ),
    )


def _durable(on: Ground, at_a_time: int, messages: int, run: int) -> float:
    """Lines a second, `at_a_time` tasks each with a line of its own under way."""
    folder = on.folder / f"log.{at_a_time}.{run}"

    async def work() -> float:
        log = await _open(folder, generate(ORIGIN))
        left = iter(range(messages))

        async def one() -> None:
            for number in left:
                await log.append(lines_of_a_message(number)[:1])

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(at_a_time)))
        took = time.perf_counter() - began
        await log.close()
        return messages / took

    return asyncio.run(work())


async def _open(folder: Path, key: SigningKey, clock: Any = None) -> LogWriter:
    return await open_log(folder, node="gw1", signing_key=key, now=clock or (lambda: _BEGAN))


def _long_log(on: Ground, lines: int, say: Say) -> dict[str, str]:
    """What an auditor's commands take on a log of so many lines, over ten days."""
    folder, key = on.folder / f"long.{lines}", generate(ORIGIN)
    entries = asyncio.run(_write(folder, key, lines))
    octets = sum(path.stat().st_size for path in folder.glob("*.jsonl"))
    say(f"{entries} lines, {octets / 1e6:.0f} MB, written")
    where = ("--log", str(folder), "--vkey", key.vkey)
    verified = _seconds_of("verify", *where)
    peak = _peak_octets_of("verify", *where)
    searched = _seconds_of("search", *where[:2], "--message-id", one_in_a_thousand(0))
    proved = _seconds_of_a_proof(folder, entries)
    say(f"{entries} lines: verified in {verified:.1f} s, a proof in {1e3 * proved:.1f} ms")
    of = f"of {lines:,} lines".replace(",", " ")
    return {
        f"lines a second verified, {of}": rate(entries / verified),
        f"  MiB for that, {of}": f"{peak / 2**20:.0f}",
        f"seconds for a search, {of}": f"{searched:.2f}",
        f"milliseconds for a proof, {of}": f"{1e3 * proved:.2f}",
    }


async def _write(folder: Path, key: SigningKey, lines: int) -> int:
    """How many entries there are. They are two thousand records over and over, made before."""
    written = 0
    records = [record for number in range(SPREAD) for record in lines_of_a_message(number)]
    log = await _open(folder, key, lambda: _BEGAN + written * _DAYS // lines * DAY_SECONDS)
    while written < lines:
        batch = records[: lines - written]
        last = await log.append(batch)
        written += len(batch)
    await log.close()
    return last + 1


def _seconds_of(*arguments: str) -> float:
    """What a command of the auditor's takes. Raises RuntimeError where it fails."""
    began = time.perf_counter()
    with _audit(*arguments) as process:
        code = process.wait()
    _see_done(code, arguments)
    return time.perf_counter() - began


def _peak_octets_of(*arguments: str) -> int:
    """The sum of its processes' resident peaks. A run of its own: looking on costs time."""
    pause, peak = threading.Event(), 0
    with _audit(*arguments) as process:
        # What the kernel tells of a child that has ended would count what it was forked from.
        while process.poll() is None:
            peak = max(peak, Processes(root=process.pid).peak_octets())
            pause.wait(_LOOK_AGAIN_SECONDS)
    _see_done(process.returncode, arguments)
    return peak


def _audit(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rorpost_gateway", "audit", *arguments, "--json"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _see_done(code: int, arguments: tuple[str, ...]) -> None:
    if code:
        raise RuntimeError(f"audit {arguments[0]} ended {code}")


def _seconds_of_a_proof(folder: Path, entries: int) -> float:
    """The median of many, each of an entry drawn by chance."""
    chosen = random.Random(entries).choices(range(entries), k=min(entries, _PROOFS))
    return statistics.median(_seconds(folder, n) for n in chosen)


def _seconds(folder: Path, n: int) -> float:
    began = time.perf_counter()
    prove(folder, n)
    return time.perf_counter() - began
