"""The operator's log may break away; the mail goes on, and nothing is sent twice for it."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from tests.peers.daemon_process import BOUND_SECONDS
from tests.peers.submitting import Submission, make_message, submit
from tests.peers.whole_gateway import SERVE, MakeGateway, WholeGateway

PIPE_OCTETS = 4096  # the least that Linux gives: a few messages fill it
MESSAGES = 15


def wait_for(condition: Callable[[], object]) -> None:
    deadline, pause = time.monotonic() + BOUND_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.02)


class Listened:
    """A daemon whose standard error is a pipe that nobody may read any more."""

    def __init__(self, gateway: WholeGateway) -> None:
        self._read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
        command = [*SERVE, "--config", str(gateway.config_path), "--log-format", "json"]
        self.process = subprocess.Popen(command, stderr=write, stdin=subprocess.DEVNULL)
        os.close(write)
        self._gateway = gateway

    def wait_until_ready(self) -> tuple[str, int]:
        with os.fdopen(os.dup(self._read), "rb") as lines:
            for line in lines:
                event = json.loads(line)
                if event["event"] == "ready":
                    host, _, port = event["listening"].rpartition(":")
                    return host, int(port)
        raise AssertionError("the daemon ended before it was ready")

    def stop_reading(self) -> None:
        os.close(self._read)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(BOUND_SECONDS)


def test_a_log_that_nobody_reads_any_more_stops_nothing(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    daemon = Listened(gateway)
    try:
        address = daemon.wait_until_ready()
        daemon.stop_reading()
        with Submission(address, gateway.authority.client_context()) as client:
            assert submit(client, make_message()).accepted
        wait_for(lambda: gateway.lines_of("relayed"))
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(BOUND_SECONDS) == 0
    finally:
        daemon.end()
    events = [line["event"] for line in gateway.log_lines()]
    assert events[-1] == "stop"
    assert [event for event in events if event in ("relayed", "deferred")] == ["relayed"]
    assert len(gateway.next_hop.arrivals) == 1
    gateway.verify_log()


def test_a_log_whose_reader_sleeps_stops_nothing(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    daemon = Listened(gateway)
    try:
        address = daemon.wait_until_ready()
        with Submission(address, gateway.authority.client_context()) as client:
            for number in range(MESSAGES):
                assert submit(client, make_message(message_id=f"<{number}@klient>")).accepted
        wait_for(lambda: len(gateway.lines_of("relayed")) == MESSAGES)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(BOUND_SECONDS) == 0
    finally:
        daemon.end()
        daemon.stop_reading()
    assert len(gateway.next_hop.arrivals) == MESSAGES
    gateway.verify_log()
