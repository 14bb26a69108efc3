"""`make profile`: the daemon under load, in microseconds a message, as tables.

Which functions, which rooms, with the interpreter's lock and without; see `sampling`.
"""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import source
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway, inbound_port
from tests.bench.ground import ground
from tests.bench.load import Sent
from tests.bench.mail import Inbound
from tests.bench.sampling import Profile, sampled
from tests.bench.section import rate
from tests.bench.sink import sink

BUILD = Path(__file__).parents[2] / "build" / "bench"
_WARM_UP = 50
_ROWS = 45


def profile(console: Console, *, engine: str, way: str, messages: int, octets: int) -> None:
    """That way, with that engine: the same load twice; raw stacks are left in build/bench."""
    BUILD.mkdir(parents=True, exist_ok=True)
    profiles: list[Profile] = []
    with ExitStack() as open_now:
        on = open_now.enter_context(ground())
        inbound = Inbound(on)
        relay, mailboxes = (open_now.enter_context(sink(*flags)) for flags in ((), ("-L",)))
        running = open_now.enter_context(
            gateway(on, engine=engine, relay_port=relay.port, lmtp_port=mailboxes.port)
        )
        port, target = (
            (running.submission[1], relay) if way == "outbound" else (inbound_port(running), mailboxes)
        )

        def send(count: int, number: int) -> Sent:
            if way == "outbound":
                return source.submit(port, messages=count, octets=octets)
            return inbound.send(port, count, octets, number)

        processes = Processes(root=running.running.process.pid, folder=running.home)
        warm_up = min(_WARM_UP, messages)
        send(warm_up, 0)
        target.wait_for(warm_up)
        for number, interpreter_only in enumerate((False, True), 1):
            inbound.file(messages if way == "inbound" else 1, octets, number)  # before the clock runs
            name = f"profile-{way}-{engine}-{'interpreter' if interpreter_only else 'threads'}.stacks"
            count, before = target.count, processes.cpu_seconds()
            with sampled(processes.root, BUILD / name, interpreter_only=interpreter_only) as seen:
                sent = send(messages, number)
                arrived = target.wait_for(count + messages)
            used = processes.cpu_seconds() - before
            profiles.append(seen)
    console.print(
        f"\n{messages} messages of {octets} octets, {way}, engine {engine}, with the sampler beside it: "
        f"{rate(messages / (sent.accepted - sent.began))} accepted and "
        f"{rate(messages / (arrived - sent.began))} at the sink a second, {1e6 * used / messages:.0f} µs of "
        "processor time a message, children and agents included.\n"
        "threads: any thread at work, on the disk or in C too. interpreter: while it holds the "
        "interpreter's lock; the sum of that is what bounds one process."
    )
    _show(console, profiles[0], profiles[1], messages)


def _show(console: Console, threads: Profile, interpreter: Profile, messages: int) -> None:
    for title, attribute in (
        ("room, by own time", "rooms"),
        ("function, by own time", "own"),
        ("function, with all that it calls", "under"),
    ):
        console.print()
        console.print(_table(title, getattr(threads, attribute), getattr(interpreter, attribute), messages))
    sums = [f"{1e6 * one.seconds / messages:.0f}" for one in (threads, interpreter)]
    console.print(f"\nin all: {sums[0]} µs in threads, {sums[1]} µs in the interpreter, a message")


def _table(
    title: str, threads: Mapping[Any, float], interpreter: Mapping[Any, float], messages: int
) -> Table:
    table = Table(title, "", "threads, µs", "interpreter, µs", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for key, seconds in sorted(threads.items(), key=lambda item: -item[1])[:_ROWS]:
        name, room = (key, "") if isinstance(key, str) else key
        within = interpreter.get(key, 0.0)
        table.add_row(name, room, *(f"{1e6 * value / messages:.0f}" for value in (seconds, within)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profiling", description=__doc__)
    parser.add_argument("--engine", default="sequoia", help="gnupg or sequoia")
    parser.add_argument("--way", default="outbound", choices=("outbound", "inbound"))
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--octets", type=int, default=4096)
    given = parser.parse_args()
    profile(
        Console(width=130), engine=given.engine, way=given.way, messages=given.messages, octets=given.octets
    )


if __name__ == "__main__":
    main()
