"""What the supervisor hears, and that it can be deaf, gone or a stranger without harm."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.daemon.notify import Supervisor


class Listening:
    """systemd's end: a datagram socket."""

    def __init__(self, address: str) -> None:
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.channel.bind("\0" + address[1:] if address.startswith("@") else address)

    def heard(self) -> list[dict[str, str]]:
        found = []
        while True:
            try:
                octets = self.channel.recv(4096)
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in octets.decode().splitlines()))


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/notify" if request.param == "path" else f"@rorpost-test-{os.getpid()}"


@pytest.fixture
def listening(address: str) -> Iterator[Listening]:
    one = Listening(address)
    yield one
    one.channel.close()


def environment(address: str, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": address, "HOME": "/nonexistent"} | more


def test_a_life(listening: Listening, address: str) -> None:
    given = environment(address)
    supervisor = Supervisor.from_environment(given)
    assert given == {"HOME": "/nonexistent"}
    supervisor.ready("Listening on 127.0.0.1:587")
    supervisor.reloading()
    supervisor.ready("Listening again")
    supervisor.stopping()
    first, second, third, fourth = listening.heard()
    assert first == {"READY": "1", "STATUS": "Listening on 127.0.0.1:587"}
    assert (second["RELOADING"], int(second["MONOTONIC_USEC"]) > 0) == ("1", True)
    assert third["READY"] == "1"
    assert fourth["STOPPING"] == "1"


class Rounds:
    """Waits for nothing, a number of times."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.waited: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.left -= 1
        if not self.left:
            raise asyncio.CancelledError


async def test_the_watchdog_hears_only_that_all_is_well(listening: Listening, address: str) -> None:
    supervisor = Supervisor.from_environment(environment(address, WATCHDOG_USEC="30000000"))
    well, rounds = iter([True, True, False, True]), Rounds(4)
    with capture_logs() as said, pytest.raises(asyncio.CancelledError):
        await supervisor.watch(lambda: next(well), wait=rounds)
    assert listening.heard() == [{"WATCHDOG": "1"}] * 3
    assert rounds.waited == [15.0] * 4
    assert [entry["event"] for entry in said] == ["watchdog-withheld"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-1"},
        {"WATCHDOG_USEC": "٣"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_no_watchdog(listening: Listening, address: str, more: dict[str, str]) -> None:
    await Supervisor.from_environment(environment(address, **more)).watch(lambda: True)
    assert listening.heard() == []


async def test_a_watchdog_for_this_very_process(listening: Listening, address: str) -> None:
    more = {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}
    supervisor = Supervisor.from_environment(environment(address, **more))
    with pytest.raises(asyncio.CancelledError):
        await supervisor.watch(lambda: True, wait=Rounds(1))
    assert listening.heard() == [{"WATCHDOG": "1"}]


@pytest.mark.parametrize("nowhere", ["", "relative", "vsock:2:1234"])
def test_nobody_to_tell(nowhere: str) -> None:
    with capture_logs() as said:
        Supervisor.from_environment(environment(nowhere)).ready("up")
        Supervisor.from_environment({}).ready("up")
    assert said == []


@pytest.mark.parametrize("gone", ["/nonexistent/notify", "/dev/null", "/" + "x" * 200, "@" + "x" * 200])
def test_a_supervisor_that_cannot_be_told_is_noted_once(gone: str) -> None:
    supervisor = Supervisor.from_environment(environment(gone))
    with capture_logs() as said:
        supervisor.ready("up")
        supervisor.stopping()
    assert [entry["event"] for entry in said] == ["supervisor-not-told"]


def test_a_supervisor_that_does_not_read_keeps_nobody_waiting(listening: Listening, address: str) -> None:
    supervisor = Supervisor.from_environment(environment(address))
    with capture_logs() as said:
        while not said:  # until the socket holds no more
            supervisor.ready("up")
        supervisor.ready("up")
    assert [entry["event"] for entry in said] == ["supervisor-not-told"]
    assert listening.heard()
