"""Processor time by room, and time by stage: what a message costs the daemon, and where.

A run of its own with py-spy beside it, so that the sampler slows no row of the other table down:
what counts here are shares. The stages are the daemon's own measurement, `rorpost_stage_seconds`.
"""

import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field

from tests.bench import sampling, source
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway, inbound_port
from tests.bench.ground import Ground
from tests.bench.load import Sent
from tests.bench.mail import Inbound
from tests.bench.section import Plan, Say, Section
from tests.bench.sink import Sink, sink
from tests.peers.postfix import free_ports

_OCTETS = 4096
_MESSAGES = {"outbound": 800, "inbound": 150}
_WARM_UP = 20
_ROOMS_SHOWN = 12
_NO_ROOMS = ("outside", "children")
_STAGE = re.compile(r'rorpost_stage_seconds_(count|sum)\{stage="(\w+)"\} (\S+)')
_NOTES = (
    "4 kB, sampled beside it. Rooms: while they hold the interpreter's lock, by the innermost function.",
    "Outside: SQLite, hashing, the kernel, waking threads. Children: gpg, its agent, the gateway's own.",
    "Stages: time on the wall, waiting included, ten messages at a time; `answer` holds all up to the 250.",
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Milliseconds a message: of processor time by room, and elapsed by stage."""

    engine: str
    way: str
    cpu_ms: float
    rooms: dict[str, float]
    stages: dict[str, float]


@dataclass(kw_only=True)
class _Place:
    """A gateway that runs; `sends` by way: what sends (messages, run), and where they end."""

    engine: str
    processes: Processes
    metrics_port: int
    sends: dict[str, tuple[Callable[[int, int], Sent], Sink]] = field(default_factory=dict)


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Both ways with each engine. Raises RuntimeError where py-spy cannot attach."""
    if not sampling.available():
        return _section([], ("py-spy is not installed, which would tell the rooms apart.",))
    inbound, costs = Inbound(on), []
    for engine in plan.engines:
        with _running(on, engine, inbound) as place:
            for way, full in _MESSAGES.items():
                costs.append(_cost(on, place, way, plan.messages(full)))
                say(f"{way}, {engine}: {costs[-1].cpu_ms:.2f} ms of processor time a message")
    return _section(costs, _NOTES)


def _cost(on: Ground, place: _Place, way: str, messages: int) -> Cost:
    send, target = place.sends[way]
    count = target.count
    send(_WARM_UP, 0)
    target.wait_for(count + _WARM_UP)
    before, own, stages = place.processes.cpu_seconds(), place.processes.root_seconds(), _stages(place)
    output = on.folder / f"{place.engine}-{way}.stacks"
    with sampling.sampled(place.processes.root, output, interpreter_only=True) as seen:
        send(messages, 1)
        target.wait_for(count + _WARM_UP + messages)
    used, own = place.processes.cpu_seconds() - before, place.processes.root_seconds() - own
    # Where others want the cores too, the lock is held for longer than the kernel let us work.
    scale = min(1.0, own / seen.seconds) if seen.seconds else 1.0
    rooms = {name: scale * seconds for name, seconds in seen.rooms.items()}
    rooms |= {"outside": own - scale * seen.seconds, "children": used - own}
    return Cost(
        engine=place.engine,
        way=way,
        cpu_ms=1e3 * used / messages,
        rooms={name: 1e3 * seconds / messages for name, seconds in rooms.items()},
        stages=_since(stages, _stages(place)),
    )


@contextmanager
def _running(on: Ground, engine: str, inbound: Inbound) -> Iterator[_Place]:
    with ExitStack() as open_now:
        relay, mailboxes = (open_now.enter_context(sink(*flags)) for flags in ((), ("-L",)))
        (metrics_port,) = free_ports(1)
        running = open_now.enter_context(
            gateway(
                on,
                engine=engine,
                relay_port=relay.port,
                lmtp_port=mailboxes.port,
                changes={"metrics": {"listen": f"127.0.0.1:{metrics_port}"}},
            )
        )
        place = _Place(
            engine=engine,
            processes=Processes(root=running.running.process.pid, folder=running.home),
            metrics_port=metrics_port,
        )
        submission, partners = running.submission[1], inbound_port(running)
        place.sends["outbound"] = (
            lambda messages, _: source.submit(submission, messages=messages, octets=_OCTETS),
            relay,
        )
        place.sends["inbound"] = (
            lambda messages, number: inbound.send(partners, messages, _OCTETS, number),
            mailboxes,
        )
        yield place


def _stages(place: _Place) -> dict[str, tuple[float, float]]:
    """By stage: how often, and seconds in all."""
    with urllib.request.urlopen(f"http://127.0.0.1:{place.metrics_port}/metrics", timeout=20) as page:
        text = page.read().decode("utf-8")
    figures = {(stage, kind): float(value) for kind, stage, value in _STAGE.findall(text)}
    return {
        stage: (figures[stage, "count"], figures[stage, "sum"]) for stage, kind in figures if kind == "sum"
    }


def _since(before: dict[str, tuple[float, float]], now: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Mean milliseconds of each stage that was gone through in between."""
    result = {}
    for stage, (count, seconds) in now.items():
        count_before, seconds_before = before.get(stage, (0.0, 0.0))
        if count > count_before:
            result[stage] = 1e3 * (seconds - seconds_before) / (count - count_before)
    return result


def _section(costs: list[Cost], notes: tuple[str, ...]) -> Section:
    """A column for each combination; a row for each room, the costliest first, and for each stage."""
    totals = {
        name: sum(one.rooms.get(name, 0.0) for one in costs)
        for name in {name for one in costs for name in one.rooms}.difference(_NO_ROOMS)
    }
    shown = sorted(totals, key=lambda name: -totals[name])[:_ROOMS_SHOWN]
    lines: dict[str, Callable[[Cost], float | None]] = {"processor time, in all": lambda one: one.cpu_ms}
    lines |= {f"  {name}": _room(name) for name in shown}
    lines["  other rooms"] = lambda one: sum(
        value for name, value in one.rooms.items() if name not in (*shown, *_NO_ROOMS)
    )
    lines |= {f"  {name}": _room(name) for name in _NO_ROOMS}
    lines |= {f"stage {name}": _stage(name) for name in dict.fromkeys(n for one in costs for n in one.stages)}
    return Section(
        name="costs",
        title="What a message costs the gateway, in milliseconds",
        columns=("", *(f"{one.way}, {one.engine}" for one in costs)),
        rows=[(name, *(_figure(value(one)) for one in costs)) for name, value in lines.items()],
        figures=[asdict(one) for one in costs],
        notes=notes,
    )


def _room(name: str) -> Callable[[Cost], float | None]:
    return lambda one: one.rooms.get(name, 0.0)


def _stage(name: str) -> Callable[[Cost], float | None]:
    return lambda one: one.stages.get(name)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
