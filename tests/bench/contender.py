"""What is measured against what: a server, where it takes mail, and the sink that its mail ends in."""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.cpu import Processes
from tests.bench.load import Sent
from tests.bench.sink import Sink

_CALM_SECONDS = 0.15
_CALM_AT_THE_LATEST_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Contender:
    """`send(messages, octets, run)` offers that many and returns when the last was accepted."""

    name: str
    way: str  # outbound, inbound
    processes: Processes
    sink: Sink
    send: Callable[[int, int, int], Sent]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run. Rates are messages a second, from the first connection on."""

    messages: int
    accepted_rate: float  # until the source had heard the last 250
    arrived_rate: float  # until the last message was at the sink
    cpu_ms: float  # of the server's processes, a message
    load_cpu_ms: float  # of the load generator, a message
    peak_octets: int
    proportional_octets: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All runs of one contender at one size."""

    contender: str
    way: str
    octets: int
    runs: tuple[Run, ...]

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(run, name) for run in self.runs))

    def figures(self) -> dict[str, Any]:
        return asdict(self)


def run(contender: Contender, *, messages: int, octets: int, number: int) -> Run:
    """Offer the messages, wait until all are at the sink, and read what that cost.

    Raises RuntimeError where one was refused or arrived twice, TimeoutError where one did not arrive.
    """
    processes, sink = contender.processes, contender.sink
    processes.forget_peak()
    before, count = processes.cpu_seconds(), sink.count
    sent = contender.send(messages, octets, number)
    arrived = sink.wait_for(count + messages)
    _wait_until_calm(processes)
    if sink.count != count + messages:
        raise RuntimeError(f"{messages} messages became {sink.count - count} at the sink")
    return Run(
        messages=messages,
        accepted_rate=messages / (sent.accepted - sent.began),
        arrived_rate=messages / (arrived - sent.began),
        cpu_ms=1e3 * (processes.cpu_seconds() - before) / messages,
        load_cpu_ms=1e3 * sent.cpu_seconds / messages,
        peak_octets=processes.peak_octets(),
        proportional_octets=processes.proportional_octets(),
    )


def _wait_until_calm(processes: Processes) -> None:
    """Until what follows an arrival (the queue's and the log's last words) has been done."""
    pause, deadline = threading.Event(), time.monotonic() + _CALM_AT_THE_LATEST_SECONDS
    before = -1.0
    while before != (before := processes.cpu_seconds()) and time.monotonic() < deadline:
        pause.wait(_CALM_SECONDS)
