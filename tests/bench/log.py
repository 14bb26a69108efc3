"""The decision log: lines made durable, verified, searched and proved, and what it costs the sending path."""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.proofs import prove
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.signing import SigningKey, generate
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from tests.bench import log_cost
from tests.bench.ground import Ground
from tests.bench.log_lines import DAY_SECONDS, lines_of_a_message, one_in_a_thousand
from tests.bench.section import Plan, Say, Section, rate, spread

ORIGIN = "motala.se/rorpost/gw1"
_BEGAN = 1_778_068_800.0
_DURABLE = {1: 1500, 16: 12_000, 64: 30_000}  # how many messages, by how many at a time
_LONG = 1_000_000
_DAYS = 10
_BATCH = 500
_PROOFS = 200
_LARGE = 100  # from so many lines on a figure of a tenth of them says something


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command: how long it took, and the resident peak of its largest process."""

    seconds: float
    peak_octets: int
    said: str


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
    verified = _audit("verify", *where)
    searched = _audit("search", *where[:2], "--message-id", one_in_a_thousand(0))
    taken = _prove(folder, entries)
    say(f"{entries} lines: verified in {verified.seconds:.1f} s, a proof in {1e3 * taken:.1f} ms")
    of = f"of {lines:,} lines".replace(",", " ")
    return {
        f"lines a second verified, {of}": rate(entries / verified.seconds),
        f"  largest process, MiB, {of}": f"{verified.peak_octets / 2**20:.0f}",
        f"seconds for a search, {of}": f"{searched.seconds:.2f}",
        f"  largest process, MiB, searching, {of}": f"{searched.peak_octets / 2**20:.0f}",
        f"milliseconds for a proof, {of}": f"{1e3 * taken:.2f}",
    }


async def _write(folder: Path, key: SigningKey, lines: int) -> int:
    """How many entries there are."""
    written = 0
    log = await _open(folder, key, lambda: _BEGAN + written * _DAYS // lines * DAY_SECONDS)
    while written < lines:
        batch: list[Record] = []
        while len(batch) < min(_BATCH, lines - written):
            batch += lines_of_a_message((written + len(batch)) // 2)
        last = await log.append(batch)
        written += len(batch)
    await log.close()
    return last + 1


def _audit(*arguments: str) -> Ran:
    command = [sys.executable, "-m", "rorpost_gateway", "audit", *arguments, "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        said = output.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"audit {arguments[0]} ended {process.returncode}: {said}")
    return Ran(seconds=time.perf_counter() - began, peak_octets=usage.ru_maxrss * 1024, said=said)


def _prove(folder: Path, entries: int) -> float:
    """Seconds for one proof, the median."""
    chosen = random.Random(entries).choices(range(entries), k=min(entries, _PROOFS))
    return statistics.median(_seconds(folder, n) for n in chosen)


def _seconds(folder: Path, n: int) -> float:
    began = time.perf_counter()
    prove(folder, n)
    return time.perf_counter() - began
