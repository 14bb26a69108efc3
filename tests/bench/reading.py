"""DATA alone: how fast our session reads messages, beside the aiosmtpd it stands on."""

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench import replay
from tests.bench.cpu import Processes
from tests.bench.ground import Ground
from tests.bench.section import MB, Plan, Say, Section, rate, size, spread
from tests.peers.daemon_process import BOUND_SECONDS
from tests.peers.gateway_world import BRINKEN, HOME_CARE

WHO = {"aiosmtpd": "aiosmtpd's own", "ours": "the gateway's session"}
_MESSAGES = {4096: 1000, 100_000: 300, 5 * MB: 10}
_LINE = b"0123456789" * 7 + b"abcdef\r\n"


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Four connections; rates in MB of message a second."""
    found: dict[int, dict[str, list[float]]] = {}
    costs: dict[tuple[int, str], list[float]] = {}
    with ExitStack() as open_now:
        servers = {which: open_now.enter_context(_server(which)) for which in WHO}
        for octets in (*plan.octets, *(() if 5 * MB in plan.octets else (5 * MB,))):
            path, messages = on.folder / f"reading.{octets}", max(4, plan.messages(_MESSAGES[octets]))
            replay.write_messages(path, [_message(octets)] * messages)
            found[octets] = {which: [] for which in WHO}
            for _ in range(plan.runs):
                for which, (port, processes) in servers.items():
                    before = processes.cpu_seconds()
                    sent = replay.replay(path, port, sender=HOME_CARE, recipient=BRINKEN, connections=4)
                    found[octets][which].append(messages * octets / MB / (sent.accepted - sent.began))
                    cost = 1e3 * (processes.cpu_seconds() - before) / messages
                    costs.setdefault((octets, which), []).append(cost)
            path.unlink()
            say(f"{size(octets)} read by both")
    rows = [
        (
            size(octets),
            WHO[which],
            spread(values),
            rate(1e6 * statistics.median(values) / octets),
            f"{statistics.median(costs[octets, which]):.2f}",
            f"{statistics.median(values) / statistics.median(both['aiosmtpd']):.1f}",
        )
        for octets, both in found.items()
        for which, values in both.items()
    ]
    return Section(
        name="reading",
        title="DATA alone, over four connections, nothing done with the message",
        columns=("size", "who", "MB/s", "messages/s", "CPU ms", "times aiosmtpd's"),
        rows=rows,
        figures={str(octets): both for octets, both in found.items()},
        notes=("Sent by the replaying load generator, which shares the cores; both on asyncio's own loop.",),
    )


def _message(octets: int) -> bytes:
    header = f"From: <{HOME_CARE}>\r\nTo: <{BRINKEN}>\r\nSubject: Hjalpmedel\r\n\r\n".encode("ascii")
    return header + (_LINE * (octets // len(_LINE) + 1))[: octets - len(header) - 2] + b"\r\n"


@contextlib.contextmanager
def _server(which: str) -> Iterator[tuple[int, Processes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.reading_server", which],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        yield int(process.stdout.readline()), Processes(root=process.pid)
        process.stdin.close()
        process.wait(BOUND_SECONDS)
