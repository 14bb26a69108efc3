"""What the decision log costs the sending path: the same daemon by turns, with its log and without."""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import source
from tests.bench.contender import Contender, run
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway
from tests.bench.ground import Ground
from tests.bench.section import Plan, Say, rate
from tests.bench.sink import sink

_OCTETS = 4096
_MESSAGES = 1500
_WARM_UP = 40
_WITH, _WITHOUT = "with its log", "without"
_WITHOUT_LOG = Path(__file__).with_name("without_log.py")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Messages a second at the sink, each run; `share` of the throughput is what the log takes."""

    with_log: list[float]
    without: list[float]

    @property
    def share(self) -> float:
        return 1 - statistics.median(self.with_log) / statistics.median(self.without)

    @property
    def text(self) -> str:
        each = (rate(statistics.median(rates)) for rates in (self.without, self.with_log))
        return f"{100 * self.share:.0f} % ({' → '.join(each)} a second)"

    @property
    def figures(self) -> dict[str, Any]:
        return {"with": self.with_log, "without": self.without, "share": self.share}


def measure(on: Ground, plan: Plan, say: Say) -> dict[str, Cost]:
    """By the row's name. Raises RuntimeError or TimeoutError where a message is refused or lost."""
    costs = {}
    for engine in plan.engines:
        rates: dict[str, list[float]] = {_WITH: [], _WITHOUT: []}
        with _contenders(on, engine) as contenders:
            for contender in contenders:
                run(contender, messages=plan.messages(_WARM_UP), octets=_OCTETS, number=0)
            for _ in range(plan.runs):
                for contender in contenders:
                    done = run(contender, messages=plan.messages(_MESSAGES), octets=_OCTETS, number=0)
                    rates[contender.name].append(done.arrived_rate)
        cost = Cost(with_log=rates[_WITH], without=rates[_WITHOUT])
        costs[f"the log's share of the sending path, {engine}"] = cost
        say(f"{engine}: the log takes {cost.text}")
    return costs


@contextmanager
def _contenders(on: Ground, engine: str) -> Iterator[list[Contender]]:
    with ExitStack() as open_now:
        relay, mailboxes = (open_now.enter_context(sink(*flags)) for flags in ((), ("-L",)))
        made = []
        for name, wrapper in ((_WITH, None), (_WITHOUT, _WITHOUT_LOG)):
            running = open_now.enter_context(
                gateway(on, engine=engine, relay_port=relay.port, lmtp_port=mailboxes.port, wrapper=wrapper)
            )
            port = running.submission[1]
            made.append(
                Contender(
                    name=name,
                    way="outbound",
                    processes=Processes(root=running.running.process.pid, folder=running.home),
                    sink=relay,
                    send=lambda messages, octets, _, port=port: source.submit(  # type: ignore[misc]
                        port, messages=messages, octets=octets
                    ),
                )
            )
        yield made
