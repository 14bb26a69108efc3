"""Postfix's `smtp-sink`: takes everything, throws it away, counts. Here the clock of every row is read."""

import contextlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bench.programs import loopback_program
from tests.peers.daemon_process import BOUND_SECONDS
from tests.peers.postfix import free_ports

_COUNT = re.compile(rb"mesg=(\d+)")
_CHUNK_OCTETS = 65536
SILENCE_SECONDS = 60


@dataclass(kw_only=True)
class Sink:
    """`count` messages have come since the start, the last one at `last_at` (time.perf_counter)."""

    port: int
    process: subprocess.Popen[bytes]
    count: int = 0
    last_at: float = 0.0
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> float:
        """Wait until that many have come since the start; when the last of them did.

        Raises TimeoutError where nothing comes any more.
        """
        with self.news:
            while (before := self.count) < count:
                if not self.news.wait_for(lambda: self.count > before, SILENCE_SECONDS):
                    raise TimeoutError(f"{before} of {count} messages arrived at the sink, and then no more")
            return self.last_at

    def read(self) -> None:
        """Follow the running counters until the sink ends."""
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            while octets := os.read(stdout.fileno(), _CHUNK_OCTETS):
                counts = _COUNT.findall(octets)
                if not counts or int(counts[-1]) == self.count:
                    continue
                with self.news:
                    self.count, self.last_at = int(counts[-1]), time.perf_counter()
                    self.news.notify_all()


@contextlib.contextmanager
def sink(*flags: str) -> Iterator[Sink]:
    """`smtp-sink` on a free port of loopback; `-L` among the flags makes it speak LMTP."""
    (port,) = free_ports(1)
    command = [*loopback_program("smtp-sink"), "-c", "-m", "1000", *flags, f"127.0.0.1:{port}", "256"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    running = Sink(port=port, process=process)
    reader = threading.Thread(target=running.read, name="sink", daemon=True)
    reader.start()
    try:
        yield running
    finally:
        process.terminate()
        process.wait(BOUND_SECONDS)
        reader.join(BOUND_SECONDS)
