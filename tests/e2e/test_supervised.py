"""The real daemon as systemd runs it: what it tells, how it is watched, under the shipped unit's filters."""

import http.client
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import confined_daemon
from tests.peers.gnupg_home import PreparedKeys

HomeCopy = Callable[[Path], Path]
METRICS = {"metrics": {"listen": "127.0.0.1:0"}}


class Supervisor:
    """systemd's end of the socket."""

    def __init__(self) -> None:
        self.name = f"@rorpost-supervisor-{os.getpid()}"
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.channel.bind("\0" + self.name[1:])
        self.channel.settimeout(60)
        self.environment = os.environ | {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": "200000"}

    def wait_for(self, assignment: str) -> dict[str, str]:
        """The next message that has it; whatever came before is passed over."""
        while True:
            said = dict(line.split("=", 1) for line in self.channel.recv(4096).decode().splitlines())
            name, _, value = assignment.partition("=")
            if said.get(name) == value:
                return said


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    one = Supervisor()
    yield one
    one.channel.close()


def get(gateway: Scenario, path: str) -> tuple[int, str]:
    host, _, port = gateway.running.wait_for_event("ready")["metrics"].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def reads(page: str, line: str) -> bool:
    return line in page.splitlines()


def test_a_life_under_supervision(scenario: MakeScenario, supervisor: Supervisor) -> None:
    gateway = scenario(config=METRICS, start=False)
    gateway.start(environment=supervisor.environment, wait=False)
    assert "Listening on 127.0.0.1:" in supervisor.wait_for("READY=1")["STATUS"]
    supervisor.wait_for("WATCHDOG=1")
    supervisor.wait_for("WATCHDOG=1")
    assert gateway.submit().accepted
    gateway.wait_until_relayed(1)
    status, page = get(gateway, "/metrics")
    assert status == 200
    assert reads(page, 'rorpost_decisions_total{action="accept",direction="outbound",reason="ok"} 1.0')
    assert reads(page, 'rorpost_copies_total{direction="outbound",event="relayed"} 1.0')
    assert reads(page, 'rorpost_stage_seconds_count{stage="relay"} 1.0')
    assert get(gateway, "/healthz")[0] == 200

    assert get(gateway, "/readyz")[1].startswith("ready\nok ")
    gateway.set_policy("mailboxes: [\n")
    assert not gateway.reload()
    assert int(supervisor.wait_for("RELOADING=1")["MONOTONIC_USEC"]) > 0
    assert "refused" in supervisor.wait_for("READY=1")["STATUS"]
    status, page = get(gateway, "/readyz")
    assert (status, "warning policy: what is on disk was refused" in page) == (200, True)
    gateway.set_policy(gateway.policy)
    assert gateway.reload()
    assert "refused" not in supervisor.wait_for("READY=1")["STATUS"]

    gateway.running.send(signal.SIGTERM)
    supervisor.wait_for("STOPPING=1")
    assert gateway.running.wait() == 0


@pytest.mark.parametrize("engine", ["gnupg", "sequoia"])
def test_under_the_filters_of_the_unit(
    scenario: MakeScenario, home_copy: HomeCopy, prepared_keys: PreparedKeys, engine: str
) -> None:
    """The home is a copy, so that gpg-agent has to start under them as well."""
    home = home_copy(prepared_keys.sender_home)
    gateway = scenario(config=METRICS | {"openpgp": {"engine": engine}}, home=home, start=False)
    gateway.start(wrapper=Path(confined_daemon.__file__))
    heard = gateway.submit()
    assert heard.accepted, gateway.running.said(str(heard))
    gateway.wait_until_relayed(1)
    assert gateway.reload()
    assert get(gateway, "/readyz")[0] == 200
    assert gateway.stop() == 0
    assert not [event for event in gateway.running.events if event.get("level") in {"warning", "error"}]


def test_a_hangup_at_the_first_moment_is_a_reload(scenario: MakeScenario, tmp_path: Path) -> None:
    """`systemctl reload` right after a start: the handler comes with the event loop, half a second later."""
    wrapper = tmp_path / "hung_up.py"
    wrapper.write_text(HANGS_UP, encoding="utf-8")
    gateway = scenario(start=False)
    gateway.start(wrapper=wrapper)
    gateway.running.wait_for_event("reloaded")
    assert gateway.submit().accepted
    gateway.wait_until_relayed(1)
    assert len(gateway.lines_of("policy")) == 2


HANGS_UP = '''
import importlib.abc, os, signal, sys


class HangUp(importlib.abc.MetaPathFinder):
    """Sends the signal at the first look for something that only `serve` needs."""

    def find_spec(self, name, path, target=None):
        if name in {"click", "rorpost_gateway.config"}:
            os.kill(os.getpid(), signal.SIGHUP)


sys.meta_path.insert(0, HangUp())
from rorpost_gateway.cli import main

main()
'''
