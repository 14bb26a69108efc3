"""The table of the bench: Postfix beside the gateway, both ways, in one run, by turns."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.bench import replay, source
from tests.bench.contender import Contender, Measured, Run, run
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway, inbound_port
from tests.bench.ground import Ground
from tests.bench.load import Sent
from tests.bench.plain_postfix import plain_postfix
from tests.bench.sealed import Partner
from tests.bench.section import MB, Bar, Plan, Say, Section, rate, size, spread
from tests.bench.sink import sink
from tests.peers.gateway_world import BRINKEN, HOME_CARE

PEER = "Postfix"
_WARM_UP = 40
_WARMING = -1  # the number of the run whose figures are thrown away
# Of the full bench, by size: what takes each contender some seconds.
_OUTBOUND = {4096: 1500, 100_000: 600, 5 * MB: 30}
_SLOW_OUTBOUND = {4096: 300, 100_000: 200, 5 * MB: 20}  # with a gpg process for each message
_INBOUND = {4096: 300, 100_000: 200, 5 * MB: 15}
COLUMNS = (
    "size",
    "way",
    "who",
    "accepted/s",
    "at the sink/s",
    "of Postfix's",
    "CPU ms",
    "load CPU ms",
    "peak MB",
    "PSS MB",
)
NOTES = (
    "Messages a second until the source heard its last 250, and until the last message was at the sink.",
    "Each is the median of the runs (lowest–highest); the ratio is of what was at the sink.",
    "CPU: of all the server's processes, a message; load CPU: of the load generator, on the same cores.",
    "Peak: sum of the processes' resident peaks, without gpg's; PSS: after it, shared pages divided.",
    "Outbound: smtp-source, 10 connections that stay open, into smtp-sink.",
    "Inbound: the same sealed messages for all, 10 connections that stay open, into smtp-sink -L.",
    "No TLS on any hop, for anybody. Postfix as Debian ships it: nothing is decided, sealed or logged by it.",
)


class Inbound:
    """Files of sealed messages, one for each size and run: every contender gets the same."""

    def __init__(self, on: Ground) -> None:
        self._partner, self._folder = Partner(on.keys), on.folder
        self._files: dict[tuple[int, int, int], Path] = {}

    def send(self, port: int, messages: int, octets: int, number: int) -> Sent:
        path = self.file(messages, octets, number)
        return replay.replay(path, port, sender=BRINKEN, recipient=HOME_CARE)

    def file(self, messages: int, octets: int, number: int) -> Path:
        """Made when it is first asked for, which must be before the clock runs."""
        key = (messages, octets, number)
        if key not in self._files:
            path = self._folder / f"sealed.{messages}.{octets}.{number}"
            replay.write_messages(path, [self._partner.seal(octets) for _ in range(messages)])
            self._files[key] = path
        return self._files[key]

    def forget(self, messages: int, octets: int, number: int) -> None:
        self._files.pop((messages, octets, number)).unlink()


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Raises RuntimeError or TimeoutError where a contender refuses or loses a message."""
    inbound = Inbound(on)
    with _contenders(on, plan, inbound) as contenders:
        warm_up = plan.messages(_WARM_UP)
        for contender in contenders:
            inbound.file(warm_up, 4096, _WARMING)
            run(contender, messages=warm_up, octets=4096, number=_WARMING)
        results = [
            measured for octets in plan.octets for measured in _at(octets, contenders, inbound, plan, say)
        ]
    return _section(results)


def _at(
    octets: int, contenders: list[Contender], inbound: Inbound, plan: Plan, say: Say
) -> Iterator[Measured]:
    """By turns: each contender once, and that as often as there are runs."""
    runs: dict[int, list[Run]] = {id(contender): [] for contender in contenders}
    for number in range(plan.runs):
        wanted = plan.messages(_INBOUND[octets])
        inbound.file(wanted, octets, number)
        for contender in contenders:
            messages = plan.messages(_full(contender, octets))
            done = run(contender, messages=messages, octets=octets, number=number)
            runs[id(contender)].append(done)
            say(
                f"{size(octets)} {contender.way} {contender.name}, run {number + 1}: "
                f"{rate(done.accepted_rate)} accepted, {rate(done.arrived_rate)} at the sink a second"
            )
        inbound.forget(wanted, octets, number)
    for contender in contenders:
        yield Measured(
            contender=contender.name, way=contender.way, octets=octets, runs=tuple(runs[id(contender)])
        )


def _full(contender: Contender, octets: int) -> int:
    if contender.way == "inbound":
        return _INBOUND[octets]
    return (_SLOW_OUTBOUND if "gnupg" in contender.name else _OUTBOUND)[octets]


@contextmanager
def _contenders(on: Ground, plan: Plan, inbound: Inbound) -> Iterator[list[Contender]]:
    """Postfix, and a gateway for each engine; all are up, one works at a time."""
    with ExitStack() as open_now:
        relay, mailboxes = (open_now.enter_context(sink(*flags)) for flags in ((), ("-L",)))
        peer = open_now.enter_context(
            plain_postfix(on.folder, relay_port=relay.port, lmtp_port=mailboxes.port)
        )
        places = [(PEER, Processes(root=peer.pid), peer.port, peer.port)]
        for engine in plan.engines:
            made = open_now.enter_context(
                gateway(on, engine=engine, relay_port=relay.port, lmtp_port=mailboxes.port)
            )
            processes = Processes(root=made.running.process.pid, folder=made.home)
            places.append((f"gateway, {engine}", processes, made.submission[1], inbound_port(made)))
        yield [
            Contender(name=name, way="outbound", processes=processes, sink=relay, send=_submitting(port))
            for name, processes, port, _ in places
        ] + [
            Contender(
                name=name,
                way="inbound",
                processes=processes,
                sink=mailboxes,
                send=partial(inbound.send, port),
            )
            for name, processes, _, port in places
        ]


def _submitting(port: int) -> Callable[[int, int, int], Sent]:
    return lambda messages, octets, _: source.submit(port, messages=messages, octets=octets)


def _section(results: list[Measured]) -> Section:
    peers = {(one.octets, one.way): one.median("arrived_rate") for one in results if one.contender == PEER}
    rows, bars = [], []
    for one in results:
        arrived = [run.arrived_rate for run in one.runs]
        ratio = one.median("arrived_rate") / peers[one.octets, one.way]
        rows.append(
            (
                size(one.octets),
                one.way,
                one.contender,
                spread([run.accepted_rate for run in one.runs]),
                spread(arrived),
                "1" if one.contender == PEER else f"{ratio:.2f}",
                f"{one.median('cpu_ms'):.2f}",
                f"{one.median('load_cpu_ms'):.2f}",
                f"{one.median('peak_octets') / MB:.0f}",
                f"{one.median('proportional_octets') / MB:.0f}",
            )
        )
        bars.append(
            Bar(
                group=f"{size(one.octets)} {one.way}",
                label=one.contender,
                value=one.median("arrived_rate"),
                low=min(arrived),
                high=max(arrived),
            )
        )
    return Section(
        name="mail",
        title="Mail, beside Postfix",
        columns=COLUMNS,
        rows=rows,
        figures=[one.figures() for one in results],
        notes=NOTES,
        bars=tuple(bars),
        unit="messages a second, at the sink",
    )
