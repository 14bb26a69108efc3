"""`python -m tests.soak`: exit 1 where the daemon's memory grows by more than the bound.

Messages go through the real daemon to a sink, ten connections at a time: decided, sealed,
logged, queued, relayed. The memory of all its processes is looked at twice a second.
"""

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Self

from rich.console import Console

from tests.bench.gateway import gateway
from tests.bench.ground import ground
from tests.bench.sink import Sink, sink
from tests.bench.source import submit
from tests.peers.memory import private_octets, processes_of, tree_octets
from tests.soak import plot
from tests.soak.samples import Sample, Verdict, judge, sparkline

BUILD = Path(__file__).parents[2] / "build" / "soak"
MEBIBYTE = 1024 * 1024
EACH_SECONDS = 0.5


class Watch:
    """Samples until it is left."""

    def __init__(self, pid: int, arrivals: Sink) -> None:
        self.samples: list[Sample] = []
        self._pid = pid
        self._arrivals = arrivals
        self._began = time.perf_counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EACH_SECONDS):
            arrived, octets = self._arrivals.count, tree_octets(self._pid)
            seconds = time.perf_counter() - self._began
            self.samples.append(Sample(seconds=seconds, arrived=arrived, octets=octets))


def soak(*, messages: int, octets: int, engine: str) -> tuple[list[Sample], dict[int, int], float]:
    """The samples, what each process held in the end, and the messages a second."""
    with (
        ground() as on,
        sink() as partner,
        sink("-L") as mailboxes,
        gateway(on, engine=engine, relay_port=partner.port, lmtp_port=mailboxes.port) as running,
    ):
        pid = running.running.process.pid
        with Watch(pid, partner) as watch:
            sent = submit(running.submission[1], messages=messages, octets=octets)
            last_at = partner.wait_for(messages)
        held = {each: private_octets(each) for each in processes_of(pid)}
        running.wait_until_empty()
    return watch.samples, held, messages / (last_at - sent.began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--octets", type=int, default=4096, help="of each message")
    parser.add_argument("--engine", choices=("sequoia", "gnupg"), default="sequoia")
    parser.add_argument("--bound-mib", type=float, default=8.0, help="the most it may grow")
    told = parser.parse_args()
    console = Console(highlight=False)
    samples, held, rate = soak(messages=told.messages, octets=told.octets, engine=told.engine)
    verdict = judge(samples, messages=told.messages)
    _show(console, samples, verdict, bound_mib=told.bound_mib)
    console.print(f"  {told.messages} messages of {told.octets} octets, {told.engine}, {rate:.0f} a second")
    console.print("  in the end: " + ", ".join(f"{octets / MEBIBYTE:.1f} MiB" for octets in held.values()))
    console.print(f"  {plot.draw(samples, verdict, BUILD)}")
    return int(verdict.growth > told.bound_mib * MEBIBYTE)


def _show(console: Console, samples: list[Sample], verdict: Verdict, *, bound_mib: float) -> None:
    console.print(f"  {sparkline(samples)}")
    console.print(
        f"  first quarter {verdict.first / MEBIBYTE:.1f} MiB, last {verdict.last / MEBIBYTE:.1f} MiB: "
        f"{verdict.growth / MEBIBYTE:+.1f} MiB (at most {bound_mib:+.1f}), "
        f"{verdict.per_message:+.0f} octets a message"
    )


if __name__ == "__main__":
    sys.exit(main())
